// The fields by which every thing says where it is from.
import { oneOf, text } from "./shape.ts";

export const identity = {
  runtime: oneOf("The runtime that wrote it.", "agh", "agsh", "agdd"),
  home: text("The place it was read from; feed it back with --home."),
};
export const sessionId = text("The session it belongs to.");

// The fields by which every thing says where it is from.
import { runtimeName, text } from "./shape.ts";

export const identity = {
  runtime: runtimeName("The runtime that wrote it."),
  home: text("The place it was read from; feed it back with --home."),
};
export const sessionId = text("The session it belongs to.");

// Where AGH's sessions lie: an older name for what lib/sources/agh/custody offers as custody.
export { SessionHome } from "../sources/agh/custody/session-home.ts";

// agsh's time stamps: chrono's to_rfc3339() in UTC, compared by agsh as text.

const UTC = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?)\+00:00$/;

/** As UTC with the source's precision (`…Z`); what is no such stamp stays as it is. */
export const utc = (text: string): string => text.replace(UTC, "$1Z");

/** The form that agsh writes; only stamps of this form sort as text as they do in time. */
export const isUsual = (text: string): boolean => UTC.test(text);

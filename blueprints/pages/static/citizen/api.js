// Speaks with Citylife's API as the citizen whose cookie this browser holds, and in the language of the page.

const BASE = "/api/v1";

/** What the API refused: its `message` is the sentence it gave, already in the reader's language. */
export class Refused extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

/** Ask the API; the answer's JSON, or null where there is none. Throws `Refused`, or TypeError without network. */
export async function call(method, path, body) {
  const headers = { Accept: "application/json", "Accept-Language": document.documentElement.lang };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
  }
  const answer = await fetch(BASE + path, { method, headers, body: body && JSON.stringify(body) });
  const json = (answer.headers.get("Content-Type") ?? "").includes("json") ? await answer.json() : null;
  if (!answer.ok) {
    throw new Refused(answer.status, json?.detail ?? "");
  }
  return json;
}

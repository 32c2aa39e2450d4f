// Texts of the interface from messages/<language>.json. English stands in for a missing text.

export const LANGUAGES = ["en", "fr", "ar"];
let texts = {};
let plural = new Intl.PluralRules("en");
let language = "en";

async function read(name) {
  const answer = await fetch(new URL(`./messages/${name}.json`, import.meta.url));
  if (!answer.ok) throw new Error(`messages/${name}.json: HTTP ${answer.status}`);
  return answer.json();
}

/** Loads a language and sets `lang` and `dir` of the page. Unknown languages become English. */
export async function use(name) {
  language = LANGUAGES.includes(name) ? name : "en";
  const [english, own] = await Promise.all([read("en"), language === "en" ? {} : read(language)]);
  texts = { ...english, ...own };
  plural = new Intl.PluralRules(language);
  document.documentElement.lang = language;
  document.documentElement.dir = language === "ar" ? "rtl" : "ltr";
}

export const lang = () => language;

/** Text of a key with {name} places filled; a `count` picks the plural form `key.one`, `key.other`, ... */
export function t(key, values = {}) {
  let found = texts[key];
  if (values.count !== undefined)
    found = texts[`${key}.${plural.select(values.count)}`] ?? texts[`${key}.other`] ?? found;
  if (found === undefined) return key;
  return found.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** Text of a key, or the given words when no catalogue has it (names that come from data). */
export const named = (key, words) => texts[key] ?? words;

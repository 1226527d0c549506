// What this device remembers: enrollments not sent yet, and who was signed in last. In IndexedDB,
// which pages and the service worker share.
// @ts-check

const NAME = "matricula";
const QUEUE = "queue";
const FACTS = "facts";

/**
 * @template T
 * @param {string} store @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<T>} work
 * @returns {Promise<T>} once it is durable
 */
async function within(store, mode, work) {
  const database = await opened();
  return new Promise((done, fail) => {
    const transaction = database.transaction(store, mode);
    const asked = work(transaction.objectStore(store));
    transaction.oncomplete = () => done(asked.result);
    transaction.onabort = () => fail(transaction.error);
  }).finally(() => database.close());
}

/** @returns {Promise<IDBDatabase>} */
function opened() {
  return new Promise((done, fail) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore(QUEUE, { keyPath: "key" });
      asked.result.createObjectStore(FACTS);
    };
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => fail(asked.error);
  });
}

/** Every entry, oldest first. @returns {Promise<import("./queue.js").Entry[]>} */
export async function entries() {
  const found = await within(QUEUE, "readonly", (store) => store.getAll());
  return found.sort((one, other) => one.at - other.at);
}

/** @param {string} key @returns {Promise<import("./queue.js").Entry | undefined>} */
export const entry = (key) => within(QUEUE, "readonly", (store) => store.get(key));

/** @param {import("./queue.js").Entry} kept */
export const keep = (kept) => within(QUEUE, "readwrite", (store) => store.put(kept));

/** @param {string} key */
export const forget = (key) => within(QUEUE, "readwrite", (store) => store.delete(key));

/** The person who was signed in here last; empty when they signed out.
 * @returns {Promise<string>} */
export const lastPerson = async () =>
  (await within(FACTS, "readonly", (store) => store.get("person"))) ?? "";

/** @param {string} person */
export const setLastPerson = (person) =>
  within(FACTS, "readwrite", (store) => store.put(person, "person"));

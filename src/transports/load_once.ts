/**
 * Modules that are loaded when they are first needed.
 *
 * @module
 */

/**
 * Remembers what `loaders` have loaded: to import again what is there already costs microseconds all
 * the same. What could not be loaded is tried again.
 */
export function loadOnce<K extends string, T>(
  loaders: Readonly<Record<K, () => Promise<T>>>,
): (key: K) => Promise<T> {
  const loaded = new Map<K, Promise<T>>();
  return (key) => {
    const known = loaded.get(key);
    if (known !== undefined) return known;
    const loading = loaders[key]();
    loaded.set(key, loading);
    loading.catch(() => loaded.delete(key));
    return loading;
  };
}

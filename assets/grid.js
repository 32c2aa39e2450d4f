// The table component is a third of all that a page would load, so it waits until an address names a table (`?table=`).
// A classic script, because Dash looks for the function before any module has run.
{
  let loading = null;

  const load = () =>
    (loading ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = document.documentElement.dataset.grid;
      script.onload = resolve;
      script.onerror = () => {
        loading = null;
        script.remove();
        reject(new Error(`${script.src} cannot be had`));
      };
      document.head.append(script);
    }));

  /** What of an address a table does not depend on: it stays as it is while a record is opened from it. */
  const BESIDE = ["record", "kpi", "at", "layers", "theme", "metric", "item"];

  window.dash_clientside ??= {};
  window.dash_clientside.commonground = {
    ...window.dash_clientside.commonground,

    /** The address as soon as what it names can be drawn; nothing while no table is, or was, open. */
    async grid(search, shown) {
      if (!new URLSearchParams(search).has("table")) return shown ? "" : window.dash_clientside.no_update;
      await load();
      const asked = new URLSearchParams(search);
      for (const name of BESIDE) asked.delete(name);
      return `?${asked}` === shown ? window.dash_clientside.no_update : `?${asked}`;
    },

    /** A row opens its record; the cross closes the table. */
    row(selected, clicks) {
      const closed = window.dash_clientside.callback_context.triggered_id === "cg-table-close";
      const detail = closed ? clicks && { table: null } : selected?.length && { record: selected[0].id };
      if (detail) window.dispatchEvent(new CustomEvent("cg:chosen", { detail }));
    },
  };
}

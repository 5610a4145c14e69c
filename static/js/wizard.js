/* What the pages do more with JavaScript: focus after a swap, the warning before the time is over, no double submits. */
(() => {
  "use strict";

  const WARN_BEFORE = 10 * 60 * 1000;
  const LOOK_EVERY = 5 * 1000;
  const BUSY_AT_MOST = 15 * 1000;

  document.documentElement.classList.add("with-script");

  // --- Focus and title after a swap ---------------------------------------------------------------------

  function focusOn(element) {
    if (!element) return;
    if (!element.hasAttribute("tabindex") && !element.matches("a, button, input, select, textarea")) {
      element.tabIndex = -1;
    }
    element.focus({ preventScroll: true });
    element.scrollIntoView({ block: element.id === "error-summary" ? "start" : "nearest" });
  }

  function arrive() {
    const summary = document.getElementById("error-summary");
    if (summary) return focusOn(summary);
    const named = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (named) return focusOn(named);
    window.scrollTo(0, 0);
    document.querySelector("main h1")?.setAttribute("tabindex", "-1");
    document.querySelector("main h1")?.focus({ preventScroll: true });
  }

  // Only the pages with long lists have a use for comboboxes: their script comes with the first of them.
  function fetchComboboxes() {
    const wanted = document.querySelector("[data-combobox]")?.dataset.combobox;
    if (!wanted || document.querySelector(`script[src="${wanted}"]`)) return;
    const script = document.createElement("script");
    script.src = wanted;
    document.head.append(script);
  }

  // Going back to a page that leads on to another (the receipt, after submitting): its address is the other's.
  let goingBack = false;
  window.addEventListener("popstate", () => { goingBack = true; }, true);

  function arriveElsewhere(answer) {
    if (answer?.redirected) history.replaceState(history.state, "", answer.url);
  }

  document.addEventListener("htmx:after:swap", (event) => {
    const target = event.detail.ctx.target;
    const whole = target === document.body || target === "body";
    if (whole) {
      if (goingBack) arriveElsewhere(event.detail.ctx.response?.raw);
      goingBack = false;
      arrive();
      fetchComboboxes();
      time.start();
    } else if (document.activeElement === document.body && target?.id) {
      // What was pressed is gone with the fragment: go on at the field that took its place.
      document.getElementById(target.id)?.querySelector("input, select, textarea")?.focus();
    }
  });

  // A page sent back with what is wrong has the address that it was sent from: one entry in the history is enough.
  document.addEventListener("htmx:before:history:update", (event) => {
    const action = event.detail.history;
    if (action.type === "push" && action.path === location.pathname + location.search) action.type = "replace";
  });

  // The links of the error summary go to the field itself.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.(".error-summary a[href^='#']");
    if (!link) return;
    const field = document.getElementById(link.hash.slice(1));
    if (!field) return;
    event.preventDefault();
    field.scrollIntoView({ block: "center" });
    field.focus({ preventScroll: true });
  });

  // --- Trouble on the way -------------------------------------------------------------------------------

  function trouble(shown) {
    const notice = document.getElementById("trouble");
    if (!notice) return;
    notice.hidden = !shown;
    if (shown) focusOn(notice);
  }

  document.addEventListener("htmx:error", (event) => {
    const source = event.detail.ctx?.sourceElement;
    if (source?.matches?.("form, a")) trouble(true);
  });
  document.addEventListener("htmx:before:request", (event) => {
    if (event.detail.ctx.sourceElement?.matches?.("form, a")) trouble(false);
  });

  // --- Another language ---------------------------------------------------------------------------------

  // It is the whole page's, the <html> element included: htmx would swap the body alone.
  window.addEventListener("submit", (event) => {
    if (event.submitter?.hasAttribute("data-language")) event.stopPropagation();
  }, true);

  // --- One submit at a time, where htmx does not send the form ------------------------------------------

  document.addEventListener("submit", (event) => {
    const form = event.target;
    // After a file no other page comes that would free the form: it may be sent again at once.
    if (event.defaultPrevented || form.hasAttribute("data-download")) return;
    const since = Number(form.dataset.sentAt || 0);
    if (Date.now() - since < BUSY_AT_MOST) {
      event.preventDefault();
      return;
    }
    form.dataset.sentAt = String(Date.now());
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent-at]")) delete form.dataset.sentAt;
  });

  // --- The time that is left ----------------------------------------------------------------------------

  const time = {
    deadline: null,
    dismissed: false,
    returnTo: null,
    channel: "BroadcastChannel" in window ? new BroadcastChannel("registration-time") : null,

    region: () => document.getElementById("time"),
    dialog: () => document.getElementById("time-warning"),

    // The wall clock goes on while a phone sleeps, timers do not: what counts is compared anew at every look.
    start() {
      const region = this.region();
      this.dismissed = false;
      this.deadline = region ? Date.now() + Number(region.dataset.seconds) * 1000 : null;
      if (region) this.channel?.postMessage({ session: region.dataset.session, deadline: this.deadline });
      this.look();
    },

    // Another tab of the same registration has got more time.
    heard({ session, deadline }) {
      if (session !== this.region()?.dataset.session || !(deadline > this.deadline)) return;
      this.deadline = deadline;
      this.dismissed = false;
      this.close();
    },

    look() {
      if (this.deadline === null || !this.dialog()) return;
      const left = this.deadline - Date.now();
      if (left > WARN_BEFORE) return;
      this.say(left);
      if (!this.dismissed || left <= 0) this.open();
    },

    say(left) {
      const dialog = this.dialog();
      const over = left <= 0;
      const minutes = dialog.querySelector("[data-minutes]");
      const text = String(Math.max(1, Math.ceil(left / 60000)));
      if (minutes && minutes.textContent !== text) minutes.textContent = text;
      for (const part of dialog.querySelectorAll("[data-before-end]")) part.hidden = over;
      for (const part of dialog.querySelectorAll("[data-after-end]")) part.hidden = !over;
    },

    open() {
      const dialog = this.dialog();
      if (dialog.open || dialog.dataset.told === "over") return;
      this.returnTo = document.activeElement;
      if (this.deadline - Date.now() <= 0) dialog.dataset.told = "over";
      dialog.showModal();
    },

    close() {
      const dialog = this.dialog();
      if (dialog?.open) dialog.close();
    },

    // The region has been replaced by one with more time, or with why there is none.
    extended() {
      this.start();
      const region = this.region();
      const refused = document.getElementById("extend-error");
      if (refused) {
        region.scrollIntoView({ block: "nearest" });
        focusOn(refused);
        this.dismissed = true;
      } else {
        const back = this.returnTo?.isConnected && this.returnTo !== document.body;
        focusOn(back ? this.returnTo : document.querySelector("main h1"));
      }
    },
  };

  time.channel?.addEventListener("message", (event) => time.heard(event.data));
  document.addEventListener("htmx:after:swap", (event) => {
    if (event.detail.ctx.target?.id === "time") time.extended();
  });
  document.addEventListener("close", (event) => {
    if (event.target === time.dialog()) time.dismissed = true;
  }, true);
  for (const occasion of ["visibilitychange", "pageshow", "focus", "online"]) {
    (occasion === "visibilitychange" ? document : window).addEventListener(occasion, () => time.look());
  }
  setInterval(() => time.look(), LOOK_EVERY);

  // --- Small buttons ------------------------------------------------------------------------------------

  async function copy(button) {
    const source = document.getElementById(button.dataset.copy);
    if (!source) return;
    const text = source.value ?? source.textContent.trim();
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      source.select?.();
      return;
    }
    button.textContent = button.dataset.copied || button.textContent;
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button");
    if (!button) return;
    if (button.hasAttribute("data-close")) time.close();
    if (button.hasAttribute("data-print")) window.print();
    if (button.dataset.copy) copy(button);
  });

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => firstPage());
  else firstPage();

  function firstPage() {
    fetchComboboxes();
    time.start();
    const summary = document.getElementById("error-summary");
    if (summary) focusOn(summary);
  }
})();

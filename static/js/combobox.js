/* Comboboxes (ARIA 1.2: editable, with a list) over plain selects, and over text fields with suggestions.
   The plain control stays, keeps its id and name, and is what is sent; an input of no name lies over a select.
   Where there is nothing but a finger the browser's own control stays: see docs/decisions.md. */
(() => {
  "use strict";

  const ONLY_TOUCH = matchMedia("(any-pointer: coarse)").matches && !matchMedia("(any-pointer: fine)").matches;
  const PAUSE = 600;
  const PAGE = 8;
  const boxes = new WeakMap();

  // --- How names are found: without regard to accents, case and punctuation -------------------------------

  const bare = (text) => text.replace(/œ/gi, "oe").normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  const words = (text) => bare(text).split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  const squashed = (text) => words(text).join("");

  class Item {
    constructor(option, { value, heading = "", name = "" }) {
      this.text = (option.text || option.value).trim();
      this.value = value;
      this.heading = heading;
      this.name = name;
      this.names = [this.text, ...(option.dataset.also?.split("|") ?? [])];
    }

    // 0 is a name in full, 3 the beginning of a word of another name; Infinity is none.
    distance(typed) {
      const whole = squashed(typed);
      const parts = words(typed);
      const begins = (name) => squashed(name).startsWith(whole)
        || parts.every((part) => words(name).some((word) => word.startsWith(part)));
      if (this.names.some((name) => squashed(name) === whole)) return 0;
      if (squashed(this.text).startsWith(whole)) return 1;
      if (begins(this.text)) return 2;
      return this.names.some(begins) ? 3 : Infinity;
    }
  }

  // --- One combobox ---------------------------------------------------------------------------------------

  class Combobox {
    constructor(wrapper) {
      this.wrapper = wrapper;
      this.control = wrapper.querySelector("select, input");
      this.select = this.control.matches("select") ? this.control : null;
      this.names = wrapper.querySelector("datalist");
      this.items = this.read();
      this.typed = null;
      this.active = -1;
      this.shown = [];
      this.input = this.select ? this.cover() : this.control;
      this.equip();
      this.listen();
    }

    get open() {
      return !this.popup.hidden;
    }

    // What is offered: the select's choices and, before the one that stands for all others, names of those.
    read() {
      const named = [...(this.names?.options ?? [])].map((option) => new Item(option, {
        value: this.names.dataset.chooses, heading: this.names.dataset.heading, name: option.value,
      }));
      if (!this.select) return named;
      const items = [];
      for (const option of this.select.options) {
        if (!option.value || option.dataset.typed !== undefined) continue;
        if (option.value === this.names?.dataset.chooses) items.push(...named);
        items.push(new Item(option, { value: option.value, heading: option.parentElement.label }));
      }
      return items;
    }

    make(tag, attributes) {
      const element = document.createElement(tag);
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      return element;
    }

    cover() {
      const { id } = this.select;
      this.select.tabIndex = -1;
      this.select.setAttribute("aria-hidden", "true");
      const input = this.make("input", {
        type: "text", id: `${id}-combobox`, "aria-labelledby": `${id}-label`, "aria-required": "true",
        placeholder: this.wrapper.dataset.placeholder, autocapitalize: "none", spellcheck: "false",
      });
      this.select.after(input);
      return input;
    }

    equip() {
      const { id } = this.control;
      this.list = this.make("div", { role: "listbox", id: `${id}-list`, "aria-label": this.wrapper.dataset.list });
      this.nothing = this.make("p", { class: "combobox-nothing" });
      this.nothing.textContent = this.wrapper.dataset.none;
      this.popup = this.make("div", { class: "combobox-popup" });
      this.popup.hidden = true;
      this.popup.append(this.list, this.nothing);
      this.status = this.make("div", { class: "visually-hidden", role: "status" });
      this.input.after(this.popup, this.status);
      this.input.removeAttribute("list");
      const attributes = {
        role: "combobox", autocomplete: "off", "aria-autocomplete": "list", "aria-expanded": "false",
        "aria-controls": this.list.id,
      };
      for (const [name, value] of Object.entries(attributes)) this.input.setAttribute(name, value);
      this.wrapper.classList.add("combobox-on");
      this.tie(this.control);
      this.refresh();
    }

    // What describes the control describes the combobox, after each check anew.
    tie(source) {
      for (const element of new Set([this.control, this.input])) {
        for (const name of ["aria-describedby", "aria-invalid"]) {
          const value = source.getAttribute(name);
          if (value === null) element.removeAttribute(name);
          else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
        }
      }
    }

    // The text of the choice that is made.
    refresh() {
      if (!this.select) return;
      const chosen = this.select.selectedOptions[0];
      this.input.value = chosen?.value ? chosen.text : "";
      this.typed = null;
    }

    listen() {
      const { input, select } = this;
      input.addEventListener("input", (event) => this.search(event));
      input.addEventListener("compositionend", (event) => this.search(event));
      input.addEventListener("keydown", (event) => this.press(event));
      input.addEventListener("click", (event) => this.click(event));
      input.addEventListener("blur", () => this.leave());
      this.popup.addEventListener("mousedown", (event) => event.preventDefault());
      this.list.addEventListener("click", (event) => {
        const option = event.target.closest("[role='option']");
        if (option) this.choose(this.shown[Number(option.dataset.index)]);
      });
      if (!select) return;
      // The input has no name: of its changes only the select's are anybody's business.
      if (document.activeElement === select) input.focus();
      for (const name of ["input", "change"]) input.addEventListener(name, (event) => event.stopPropagation());
      input.addEventListener("focus", () => input.select());
      select.addEventListener("focus", () => input.focus());
      select.addEventListener("change", () => this.refresh());
    }

    // --- Finding and showing --------------------------------------------------------------------------

    found() {
      if (this.typed === null || !words(this.typed).length) return this.select || this.typed !== null ? this.items : [];
      const ranked = this.items.map((item) => ({ item, far: item.distance(this.typed) }));
      const near = ranked.filter(({ far }) => far < Infinity).sort((one, other) => one.far - other.far);
      const items = near.map(({ item }) => item);
      const rest = this.rest();
      return rest && !items.includes(rest) ? [...items, rest] : items;
    }

    // The choice that stands for all that is not listed.
    rest() {
      return this.select && this.names && this.items.find((item) => item.value === this.names.dataset.chooses && !item.name);
    }

    show() {
      this.shown = this.found();
      const browsing = this.typed === null;
      const parts = [];
      this.shown.forEach((item, index) => {
        if (browsing && item.heading && item.heading !== this.shown[index - 1]?.heading) parts.push(this.heading(item));
        parts.push(this.option(item, index));
      });
      this.list.replaceChildren(...parts);
      this.list.hidden = !this.shown.length;
      this.nothing.hidden = Boolean(this.shown.length) || !this.select;
      this.popup.hidden = this.list.hidden && this.nothing.hidden;
      this.input.setAttribute("aria-expanded", String(!this.list.hidden));
      this.place();
    }

    heading(item) {
      const heading = this.make("div", { class: "combobox-heading", "aria-hidden": "true" });
      heading.textContent = item.heading;
      return heading;
    }

    option(item, index) {
      const option = this.make("div", {
        role: "option", id: `${this.list.id}-${index}`, "data-index": index, "aria-selected": "false",
      });
      const named = item === this.rest() && this.left();
      option.textContent = named ? `${item.text} (${named})` : item.text;
      if (this.select && item.value === this.select.value && !item.name) option.classList.add("combobox-chosen");
      return option;
    }

    // What was typed and is on no list, to be taken over as a name.
    left() {
      const rest = this.rest();
      const alone = this.typed !== null && this.shown.length === 1 && this.shown[0] === rest;
      return alone && rest.distance(this.typed) === Infinity ? this.typed.trim() : "";
    }

    // Above where there is more room, and never higher than the room there is.
    place() {
      if (!this.open) return;
      const box = this.input.getBoundingClientRect();
      const below = (window.visualViewport?.height ?? innerHeight) - box.bottom;
      const above = below < 200 && box.top > below;
      this.popup.classList.toggle("combobox-above", above);
      this.popup.style.setProperty("--room", `${Math.max(120, (above ? box.top : below) - 12)}px`);
    }

    activate(index) {
      this.list.querySelector("[aria-selected='true']")?.setAttribute("aria-selected", "false");
      this.active = index;
      const option = index < 0 ? null : document.getElementById(`${this.list.id}-${index}`);
      if (!option) return this.input.removeAttribute("aria-activedescendant");
      option.setAttribute("aria-selected", "true");
      this.input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    }

    close() {
      this.popup.hidden = true;
      this.input.setAttribute("aria-expanded", "false");
      this.activate(-1);
      clearTimeout(this.saying);
      this.status.textContent = "";
    }

    // After a pause, so that it does not cut off the echo of what is typed.
    announce() {
      clearTimeout(this.saying);
      this.saying = setTimeout(() => {
        const { one, many, none } = this.wrapper.dataset;
        const count = this.shown.length;
        const first = this.active < 0 ? "" : ` ${this.list.querySelector("[aria-selected='true']").textContent}`;
        const said = count ? `${count === 1 ? one : many.replace("#", count)}.${first}` : none;
        // The same words again are heard only where something changes.
        this.status.textContent = this.status.textContent === said ? `${said}\u00a0` : said;
      }, PAUSE);
    }

    // --- Keys and clicks ------------------------------------------------------------------------------

    search(event) {
      if (event.isComposing) return;
      this.typed = this.input.value;
      this.show();
      this.activate(this.select && words(this.typed).length && this.shown.length ? 0 : -1);
      if (this.open) this.announce();
    }

    browse() {
      if (!this.select) this.typed = this.input.value;
      this.show();
      const chosen = this.shown.findIndex((item) => this.select && item.value === this.select.value && !item.name);
      this.activate(chosen);
    }

    click(event) {
      const arrow = this.select && event.clientX > this.input.getBoundingClientRect().right - 42;
      if (!this.open) this.browse();
      else if (arrow) this.undo();
      if (this.typed === null) this.input.select();
    }

    press(event) {
      const marking = event.shiftKey && event.key !== "Tab";
      if (event.isComposing || event.ctrlKey || event.metaKey || marking) return;
      const does = this[`on${event.key}`];
      if (does?.call(this, event)) event.preventDefault();
    }

    move(to) {
      if (!this.open) this.browse();
      else if (this.shown.length) this.activate(Math.min(Math.max(to, 0), this.shown.length - 1));
      return true;
    }

    onArrowDown() {
      return this.move(this.active + 1);
    }

    onArrowUp(event) {
      if (event.altKey) return this.undo() || true;
      return this.move(this.active - 1);
    }

    onPageDown() {
      return this.open && this.move(this.active + PAGE);
    }

    onPageUp() {
      return this.open && this.move(this.active - PAGE);
    }

    // In what is being typed they move the cursor, as in any text.
    onHome() {
      return this.open && this.typed === null && this.move(0);
    }

    onEnd() {
      return this.open && this.typed === null && this.move(this.shown.length - 1);
    }

    onEnter() {
      if (!this.open) return false;
      const chosen = this.shown[this.active];
      if (chosen) this.choose(chosen);
      else if (!this.select) this.close();
      return Boolean(this.select || chosen);
    }

    onEscape(event) {
      if (!this.open) return false;
      event.stopPropagation();
      this.undo();
      return true;
    }

    onTab() {
      if (this.open && this.active >= 0) this.choose(this.shown[this.active]);
      return false;
    }

    // Close, and as it was before.
    undo() {
      this.close();
      this.refresh();
    }

    // --- Choosing -------------------------------------------------------------------------------------

    choose(item) {
      if (!this.select) {
        this.close();
        this.input.value = item.text;
        return this.tell(this.input);
      }
      const name = item.name || (item === this.rest() && this.left());
      if (name) this.fill(name);
      this.put(item.value, item.text);
      this.status.textContent = this.wrapper.dataset.chosen.replace("#", name || item.text);
    }

    // Left without a choice: what fits exactly, or alone, is one. Anything else stays as it was typed and is
    // sent as it is, so that the answer says what is wrong with it: never the choice of before in its place.
    leave() {
      const { typed } = this;
      if (this.select && typed !== null) {
        const near = this.shown.filter((item) => item !== this.rest());
        const exact = near.find((item) => item.distance(typed) === 0);
        if (!words(typed).length) this.put("", "");
        else if (exact || near.length === 1) this.choose(exact ?? near[0]);
        else this.put(typed.trim(), typed.trim());
      }
      if (this.open) this.close();
    }

    put(value, text) {
      const before = this.select.value;
      for (const option of this.select.querySelectorAll("[data-typed]")) option.remove();
      if (![...this.select.options].some((option) => option.value === value)) {
        const option = new Option(text, value);
        option.dataset.typed = "";
        this.select.prepend(option);
      }
      this.select.value = value;
      this.close();
      this.refresh();
      if (value !== before) this.tell(this.select);
    }

    // The name of a school goes into the field that asks for it, be it there yet or only about to come.
    fill(name) {
      const into = this.names.dataset.into;
      const field = document.getElementById(into);
      if (field) {
        field.value = name;
        return this.tell(field);
      }
      const waiting = this.make("input", { type: "hidden", name: into, value: name });
      document.getElementById(`slot-${into}`)?.replaceChildren(waiting);
    }

    tell(control) {
      control.dispatchEvent(new Event("input", { bubbles: true }));
      control.dispatchEvent(new Event("change", { bubbles: true }));
    }

    // The same field comes back from a check: nothing of it is lost but what describes it.
    take(wrapper) {
      this.tie(wrapper.querySelector("select, input"));
    }
  }

  // --- Where they are -------------------------------------------------------------------------------------

  function enhance() {
    for (const wrapper of document.querySelectorAll("[data-combobox]")) {
      if (boxes.has(wrapper)) boxes.get(wrapper).place();
      else boxes.set(wrapper, new Combobox(wrapper));
    }
  }

  if (ONLY_TOUCH) return;
  // htmx merges the answer of a check into the page: what a combobox is made of is not in that answer.
  window.htmx?.registerExtension("combobox", {
    htmx_before_morph_node: (element, { newNode }) => {
      const box = boxes.get(element);
      box?.take(newNode);
      return !box;
    },
  });
  document.addEventListener("htmx:after:swap", enhance);
  // It is fetched with the first page that has a use for it (static/js/wizard.js).
  enhance();
  window.addEventListener("pageshow", () => {
    for (const wrapper of document.querySelectorAll("[data-combobox]")) boxes.get(wrapper)?.refresh();
  });
  window.addEventListener("resize", () => {
    for (const wrapper of document.querySelectorAll(".combobox-on")) boxes.get(wrapper)?.place();
  });
})();

// One journey in Firefox, over WebDriver BiDi: `node firefox.mjs ADDRESS NUMBER [no-script]`. Prints what it sees as
// JSON lines, and reads the code from its standard input when it says that one was sent.
import { createInterface } from "node:readline/promises";
import puppeteer from "puppeteer-core";

const [address, number, script] = process.argv.slice(2);
const withScript = script !== "no-script";
const lines = createInterface({ input: process.stdin });
const tell = (what) => console.log(JSON.stringify(what));

const browser = await puppeteer.launch({
  browser: "firefox",
  executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr",
  headless: true,
  extraPrefsFirefox: { "javascript.enabled": withScript, "intl.accept_languages": "en-CA" },
});

try {
  const page = await browser.newPage();
  page.setDefaultTimeout(20_000);
  const loads = [];
  page.on("load", () => loads.push(page.url()));

  // Without scripts nothing in the page can wait; from outside it can be looked at again and again.
  const until = async (what, look) => {
    for (const end = Date.now() + 20_000; Date.now() < end;) {
      const found = await look().catch(() => null);
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`${what} did not come; at ${page.url()}: ${await page.$eval("h1", (each) => each.textContent)}`);
  };
  const arrived = async (heading) => {
    await until(heading, () => page.$eval("h1", (each, text) => each.textContent.trim() === text, heading));
    const focus = await page.evaluate(() => document.activeElement?.tagName);
    tell({ heading, title: await page.title(), focus });
  };
  // Puppeteer's own ways wait with scripts of theirs, which do not run where the page's do not: real input by hand.
  const press = async (selector) => {
    const place = await until(selector, () => page.$eval(selector, (each) => {
      each.scrollIntoView({ block: "center" });
      const box = each.getBoundingClientRect();
      return { x: box.left + box.width / 2, y: box.top + box.height / 2 };
    }));
    await page.mouse.click(place.x, place.y);
  };
  const write = async (id, text) => {
    await until(id, () => page.$eval(`#${id}`, (each) => { each.focus(); return true; }));
    await page.keyboard.type(text);
  };
  const choose = (id, value) => page.$eval(`#${id}`, (each, chosen) => {
    each.value = chosen;
    each.dispatchEvent(new Event("change", { bubbles: true }));
  }, value);
  const goOn = () => press("main form .actions button.button");

  await page.goto(`${address}/`);
  tell({ heading: await page.$eval("h1", (each) => each.textContent.trim()), scripts: await page.$eval(
    "html", (each) => each.classList.contains("with-script")) });
  await press("form[action='/registrations'] button");
  await arrived("About you");
  await goOn();
  await until("the summary", () => page.$eval("#error-summary", () => true));
  tell({ heading: "errors", title: await page.title(), focus: await page.evaluate(() => document.activeElement?.id) });
  await write("user_business_id", number);
  await goOn();
  await arrived("Your education");
  await choose("university", "mcmaster");
  await choose("graduation_year", "2026");
  await goOn();
  await arrived("Your standing with the College");
  await press("input[value=pending]");
  await goOn();
  await arrived("Privacy and notes");
  await goOn();
  await arrived("Check your answers");
  await goOn();
  await arrived("Your category");
  await goOn();
  await arrived("Your account");
  await goOn();
  await until("the field for the code", () => page.$eval("#code", () => true));
  tell({ heading: "code sent" });
  await write("code", (await lines[Symbol.asyncIterator]().next()).value);
  await goOn();
  await arrived("Declare and submit");
  await press("#declaration");
  await goOn();
  await arrived("Your education is registered");
  tell({ receipt: await page.$eval("#receipt-number", (each) => each.textContent.trim()), loads: loads.length });
} finally {
  lines.close();
  await browser.close();
}

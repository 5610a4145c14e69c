// Lighthouse on one page after another: `node run.mjs CHROMIUM COOKIES NAME=ADDRESS…`. Prints a JSON line for each,
// with the scores out of 100 and the audits that cost points.
import { launch } from "chrome-launcher";
import lighthouse from "lighthouse";
import puppeteer from "puppeteer-core";

const [chromePath, cookies, ...pages] = process.argv.slice(2);
const chrome = await launch({ chromePath, chromeFlags: ["--headless=new", "--no-sandbox", "--disable-gpu"] });

try {
  // In the browser's own jar: a header of ours would be overruled by what an answer sets.
  const browser = await puppeteer.connect({ browserURL: `http://127.0.0.1:${chrome.port}` });
  await browser.setCookie(...JSON.parse(cookies));
  await browser.disconnect();
  for (const [name, address] of pages.map((each) => [each.slice(0, each.indexOf("=")), each.slice(each.indexOf("=") + 1)])) {
    const { lhr } = await lighthouse(address, {
      port: chrome.port,
      logLevel: "error",
      disableStorageReset: true,
      onlyCategories: ["performance", "accessibility", "best-practices", "seo"],
    });
    const categories = Object.values(lhr.categories);
    const lost = categories.flatMap((category) => category.auditRefs
      .filter(({ id, weight }) => weight > 0 && lhr.audits[id].score !== null && lhr.audits[id].score < 0.9)
      .map(({ id }) => `${id} ${lhr.audits[id].displayValue ?? ""}`.trim()));
    if (lhr.runtimeError) throw new Error(`${address}: ${lhr.runtimeError.message}`);
    console.log(JSON.stringify({
      name,
      address: lhr.finalDisplayedUrl,
      scores: Object.fromEntries(categories.map(({ id, score }) => [id, Math.round(score * 100)])),
      lost,
    }));
  }
} finally {
  chrome.kill();
}

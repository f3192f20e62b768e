// The charts: uPlot draws them from the data in the page, anew when the theme or the width changes.
"use strict";
// Reds are left to what is wrong.
const HUES = [205, 28, 150, 275, 60, 180, 240, 310, 100, 45, 190, 80];

function lineColour(number, wrong) {
  const [hue, light] = [HUES[number % HUES.length], isDark() ? 68 : 42];
  return wrong ? colour("wrong") : `hsl(${hue} ${isDark() ? 75 : 65}% ${light}%)`;
}

// Several lines are wrong in the same red, so these are told apart by their dashes.
function series(each, number) {
  const dash = each.wrong ? [4 + 3 * (number % 3), 3] : undefined;
  return { label: each.name + (each.wrong ? " ✗" : ""), stroke: lineColour(number, each.wrong), width: 1.6, dash };
}

function axes(x, y) {
  const style = { stroke: colour("ink"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line"), width: 1 }, font: "12px system-ui" };
  return [{ ...style, ...x }, { ...style, size: 56, ...y }];
}

function plot(box, options, data) {
  box.replaceChildren();
  new uPlot({ width: box.clientWidth, height: 250, cursor: { y: false }, ...options }, data, box);
}

const short = (value) => (value == null ? "–" : value >= 100 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3))));

// The share of purchases done within x, in percent, from points of a share and its latency.
function shareWithin(curve, x) {
  let [low, high] = [0, curve.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (curve[middle][1] <= x) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return 0;
  if (low === curve.length) return 100;
  const [[share, from], [next, to]] = [curve[low - 1], curve[low]];
  return 100 * (share + (next - share) * ((x - from) / (to - from)));
}

// uPlot's own ticks are whole decades, of which a race often spans less than one.
function logTicks(least, most) {
  const found = [];
  for (let power = 10 ** Math.floor(Math.log10(least)); power <= most; power *= 10) {
    for (let digit = 1; digit < 10; digit++) if (digit * power >= least && digit * power <= most) found.push(Number((digit * power).toPrecision(2)));
  }
  return found;
}

function isNamed(tick, ratio) {
  const digit = Number(tick.toExponential()[0]);
  return ratio > 300 ? digit === 1 : ratio > 30 ? [1, 2, 5].includes(digit) : digit < 8;
}

function drawLatency(box, lines) {
  const all = lines.flatMap((each) => each.curve.map((point) => point[1])).filter((value) => value > 0);
  const [least, most] = [Math.min(...all) * 0.8, Math.max(...all) * 1.25];
  // One grid for all lines, so that the legend has a value for each wherever the cursor is.
  const points = 400;
  const xs = Array.from({ length: points }, (_, i) => least * (most / least) ** (i / (points - 1)));
  plot(box, {
    scales: { x: { time: false, distr: 3, range: [least, most] }, y: { range: [0, 100] } },
    series: [{ label: "ms", value: (_, value) => short(value) }, ...lines.map((each, n) => ({ ...series(each, n), value: (_, v) => (v == null ? "–" : `${v.toFixed(0)} %`) }))],
    axes: axes({ label: "ms (log)", labelSize: 22, labelFont: "bold 12px system-ui", splits: () => logTicks(least, most), filter: (_, ticks) => ticks, values: (_, ticks) => ticks.map((tick) => (isNamed(tick, most / least) ? short(tick) : "")) }, { splits: () => [0, 20, 40, 60, 80, 100], values: (_, ticks) => ticks.map((tick) => `${tick}%`) }),
  }, [xs, ...lines.map((each) => xs.map((x) => shareWithin(each.curve, x)))]);
}

function drawGrowth(box, chart) {
  plot(box, {
    height: 200,
    scales: { x: { time: false, distr: 3 }, y: { range: (_, low, high) => [0, (high || 1) * 1.08] } },
    series: [{ label: "buyers" }, ...chart.series.map((each, n) => ({ ...series(each, n), spanGaps: true, points: { show: true, size: 6 }, value: (_, v) => short(v) }))],
    axes: axes({ splits: () => chart.buyers, filter: (_, ticks) => ticks, values: (_, ticks) => ticks.map(String) }, { values: (_, ticks) => ticks.map(short) }),
  }, [chart.buyers, ...chart.series.map((each) => each.values)]);
}

function drawCharts() {
  const data = JSON.parse($("#charts").textContent);
  if (data.latency.length) drawLatency($("#latency"), data.latency);
  data.growth.forEach((chart, number) => drawGrowth($(`#growth-${number}`), chart));
}

function watchCharts() {
  let width = 0;
  // A legend that wraps changes the height, which must not draw again for ever.
  new ResizeObserver(([entry]) => {
    if (entry.contentRect.width === width) return;
    width = entry.contentRect.width;
    drawCharts();
  }).observe($("main"));
  repainters.push(drawCharts);
}

if ($(".chart")) watchCharts();

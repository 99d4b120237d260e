-- SPDX-License-Identifier: MIT
-- html_spec.lua - a report's page, as a browser shows it
--
-- The page has no script of its own. A copy of it gets one, which looks at what the browser made of
-- it, opens some evidence as a click does, and writes down what it saw.
local json = require "netns.json"
local lab = require "netns.lab"
local netns = require "netns"
local scratch = require "spec.scratch"
local support = require "spec.support"

local function browser()
	for _, name in ipairs { "chromium", "chromium-browser", "google-chrome" } do
		if support.has(name) then
			return name
		end
	end
end

local look = [[
<script>
addEventListener("load", () => {
	const all = s => [...document.querySelectorAll(s)], one = s => document.querySelector(s);
	const box = e => e.getBoundingClientRect(), style = e => getComputedStyle(e);
	const details = all("details"), evidence = details[0].querySelector("p");
	const seen = {
		title: document.title,
		rows: all("table")[0].rows.length - 1,
		verdicts: all("table")[0].rows.length && [...all("table")[0].rows].slice(1)
			.map(r => r.cells[3].textContent),
		closed: details.every(d => !d.open && !d.querySelector("p").checkVisibility()),
		matrix: all("table")[1].rows.length,
		picture: box(one("svg, pre")).width > 100 && box(one("svg, pre")).height > 20,
		wide: document.documentElement.scrollWidth - innerWidth,
		loaded: performance.getEntriesByType("resource").length,
		colours: style(one("td.open")).backgroundColor != style(one("td.isolated")).backgroundColor,
	};
	details[0].querySelector("summary").click();
	seen.opened = details[0].open && evidence.checkVisibility() && box(evidence).height > 5;
	seen.evidence = evidence.textContent;
	document.documentElement.innerHTML = "<body><pre></pre></body>";
	one("pre").textContent = "SEEN" + JSON.stringify(seen) + "END";
});
</script>]]

describe("a report's page", function()
	it("shows topology, rows and matrix, and evidence on a click", function()
		local chromium = browser()
		if not chromium then
			pending("Chromium is not installed")
			return
		end
		local net <close> = lab.new "office"
		net:hosts { "web", "db", "guest" }
		net:router("fw", { nft = [[table inet f { chain c { type filter hook forward priority 0
			ct state established accept
			tcp dport 22 drop
		}; }]] })
		net:switch "lan"
		net:link({ "web", "guest", "fw" }, "lan")
		net:link("db", "fw")
		net:up()
		local report = net:check {
			{ "web", "db", "tcp/80", "open" }, { "web", "db", "tcp/22", "isolated" },
			{ "guest", "db", "tcp/22", "open" },
		}
		local dir <close> = scratch.new()
		local file = dir:write("report.html",
			(report:html():gsub("</body>", function() return look .. "</body>" end)))
		local here <close> = netns.current()
		local p <close> = here:spawn { chromium, "--headless", "--no-sandbox", "--disable-gpu",
			"--disable-dev-shm-usage", "--no-first-run", "--user-data-dir=" .. dir.path .. "/profile",
			"--window-size=1200,900", "--dump-dom", "file://" .. file,
			env = { HOME = dir.path, XDG_CONFIG_HOME = dir.path, XDG_CACHE_HOME = dir.path },
			timeout = 60, stdout = "capture", stderr = "capture" }
		local r = p:wait()
		local text = r.stdout:match "SEEN(.-)END"
		assert.truthy(text, r.stdout .. r.stderr)
		local seen = json.decode((text:gsub("&gt;", ">"):gsub("&lt;", "<"):gsub("&amp;", "&")))
		assert.same({ "office", 3, 4, true, 0, 0 },
			{ seen.title, seen.rows, seen.matrix, seen.picture, seen.loaded, math.max(0, seen.wide) })
		assert.same({ "open", "dropped", "dropped" }, seen.verdicts)
		assert.same({ true, true, true }, { seen.closed, seen.opened, seen.colours })
		assert.truthy(seen.evidence:find("was seen in the receiver and answered", 1, true), seen.evidence)
	end)
end)

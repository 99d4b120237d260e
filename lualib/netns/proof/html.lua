-- SPDX-License-Identifier: MIT
-- netns.proof.html - a report as one page that needs nothing else: topology, rows, matrix, evidence
--
-- Everything is in the file: styles, the picture, the data. Evidence opens on a click, without any
-- script. All text goes through one escape.

local core = require "netns.core"
local escape = require "netns.proof.junit".escape
local verdicts = require "netns.proof.verdict"

local style = [[
:root { color-scheme: light dark; --ok: #1a7f37; --bad: #cf222e; --unsure: #9a6700; --line: #8884; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto;
	padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; }
h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; }
td, th { border: 1px solid var(--line); padding: .25rem .6rem; text-align: left;
	vertical-align: top; }
pre, svg { max-width: 100%; overflow-x: auto; }
summary { cursor: pointer; }
details p { margin: .3rem 0 .3rem 1rem; font-size: .92em; }
.open { background: #1a7f3722; } .isolated { background: #0969da22; }
.between { background: #bf870033; }
.inconclusive { background: #cf222e33; }
.ok { color: var(--ok); font-weight: 600; } .bad { color: var(--bad); font-weight: 600; }
]]

local function class_of(verdict)
	return verdicts.isolated[verdict] and "isolated"
		or (verdict == "open" or verdict == "inconclusive") and verdict or "between"
end

--- A picture: Graphviz's where it is installed, else the text for terminals.
local function picture(layout)
	if not layout then
		return ""
	end
	local formats = require "netns.lab.draw".formats
	local here <close> = core.current()
	local drawn, result = pcall(here.exec, here, { "dot", "-Tsvg", stdin = formats.dot(layout) })
	local svg = drawn and result.stdout:match("<svg.*</svg>")
	return svg or "<pre>" .. escape(formats.txt(layout)):gsub("&#10;", "\n") .. "</pre>"
end

local function evidence(verdict)
	local lines = { escape(verdict.why) }
	if verdict.control and verdict.control.neighbour then
		lines[#lines + 1] = escape(("Control: %s reached %s (%s)."):format(verdict.from,
			verdict.control.neighbour, verdict.control.addr))
	end
	if verdict.rtt then
		lines[#lines + 1] = ("Answered after %.3f ms."):format(verdict.rtt * 1000)
	end
	return ('<details><summary>%s &rarr; %s %s <code>%s</code>: '
		.. '<span class="%s">%s</span></summary><p>%s</p></details>')
		:format(escape(verdict.from), escape(verdict.to), escape(verdict.what), escape(verdict.addr),
			class_of(verdict.verdict), verdict.verdict, table.concat(lines, "<br>"))
end

local function row(entry, sentence)
	local probes = {}
	for j, verdict in ipairs(entry.verdicts) do
		probes[j] = evidence(verdict)
	end
	return ('<tr><td>%d</td><td class="%s">%s</td><td>%s</td><td class="%s">%s</td>'
		.. '<td>%s</td><td>%s</td></tr>'):format(entry.index, entry.ok and "ok" or "bad",
		entry.ok and "holds" or "fails",
		escape(sentence(entry.row)), class_of(entry.verdict), entry.verdict,
		#probes > 0 and table.concat(probes) or escape(entry.why), escape(entry.where or ""))
end

--- What each pair was found to be, over all rows: { from, to } -> verdicts by what.
local function matrix(report)
	local names, seen, cells = {}, {}, {}
	local function note(name)
		if not seen[name] then
			seen[name], names[#names + 1] = true, name
		end
	end
	for _, entry in ipairs(report) do
		for _, verdict in ipairs(entry.verdicts) do
			note(verdict.from)
			note(verdict.to)
			local key = verdict.from .. "\0" .. verdict.to
			cells[key] = cells[key] or {}
			local text = ('<span class="%s">%s %s</span>'):format(
				class_of(verdict.verdict), escape(verdict.what), verdict.verdict)
			cells[key][text] = true
		end
	end
	table.sort(names)
	local lines = { "<table><tr><th>from \\ to</th>" }
	for _, name in ipairs(names) do
		lines[#lines + 1] = "<th>" .. escape(name) .. "</th>"
	end
	lines[#lines + 1] = "</tr>"
	for _, from in ipairs(names) do
		lines[#lines + 1] = "<tr><th>" .. escape(from) .. "</th>"
		for _, to in ipairs(names) do
			local texts = {}
			for text in next, cells[from .. "\0" .. to] or {} do
				texts[#texts + 1] = text
			end
			table.sort(texts)
			lines[#lines + 1] = "<td>" .. table.concat(texts, "<br>") .. "</td>"
		end
		lines[#lines + 1] = "</tr>"
	end
	lines[#lines + 1] = "</table>"
	return table.concat(lines)
end

--- The page. `sentence(row)` names a row; `caution` stands behind what it came to.
local function page(report, sentence, caution)
	local rows, holding = {}, 0
	for i, entry in ipairs(report) do
		rows[i] = row(entry, sentence)
		holding = holding + (entry.ok and 1 or 0)
	end
	local title = escape(report.about.name or "netns")
	return table.concat({
		"<!DOCTYPE html>", '<html lang="en"><head><meta charset="utf-8">',
		'<meta name="viewport" content="width=device-width, initial-scale=1">',
		"<title>" .. title .. "</title>", "<style>" .. style .. "</style></head><body>",
		"<h1>" .. title .. "</h1>",
		('<p class="%s">%d of %d rows hold. %s%s</p>'):format(
			report.ok and "ok" or "bad", holding, #report,
			os.date("!%Y-%m-%d %H:%M:%S UTC", report.about.time), caution),
		"<h2>Topology</h2>", picture(report.about.layout),
		"<h2>Rows</h2><table><tr><th>#</th><th></th><th>Claim</th><th>Verdict</th><th>Evidence</th>"
			.. "<th>Asked in</th></tr>",
		table.concat(rows, "\n"), "</table>",
		"<h2>Matrix</h2>", matrix(report),
		"</body></html>\n",
	}, "\n")
end

return { page = page }

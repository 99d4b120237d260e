-- SPDX-License-Identifier: MIT
-- netns.proof.junit - a report as JUnit XML, as continuous integration reads it: a test case a row

local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;",
	["\n"] = "&#10;" }

--- Text as it may stand in an attribute or an element; XML 1.0 has no word for other controls.
local function escape(text)
	return (tostring(text):gsub("[%z\1-\8\11\12\14-\31]", "?"):gsub('[&<>"\n]', entities))
end

local function kernel()
	local file <close> = io.open "/proc/sys/kernel/osrelease"
	return file and file:read("l") or "unknown"
end

--- The usual schema gives a case no attribute for its line, so that is its output.
local function case(entry, sentence, suite)
	local head = ('\t\t<testcase classname="%s" name="#%d %s" time="%.3f">'):format(
		escape(suite), entry.index, escape(sentence), entry.seconds or 0)
	local tail = ("\n\t\t\t<system-out>row %d, %s</system-out>\n\t\t</testcase>"):format(entry.index,
		escape(entry.where or "no script"))
	if entry.ok then
		return head .. tail
	end
	local lines = {}
	for _, verdict in ipairs(entry.verdicts) do
		lines[#lines + 1] = ("%s -> %s %s %s: %s: %s"):format(
			verdict.from, verdict.to, verdict.what, verdict.addr, verdict.verdict, verdict.why)
	end
	local kind = entry.verdict == "inconclusive" and "error" or "failure"
	return ('%s\n\t\t\t<%s message="%s" type="%s">%s</%s>%s'):format(head, kind,
		escape(entry.why), escape(entry.verdict), escape(table.concat(lines, "\n")):gsub("&#10;", "\n"),
		kind, tail)
end

--- The document. `sentence(row)` names a case.
local function document(report, sentence)
	local suite = report.about.name or "netns"
	local failures, errors, cases = 0, 0, {}
	for i, entry in ipairs(report) do
		local broken = not entry.ok and entry.verdict == "inconclusive"
		failures = failures + (not entry.ok and not broken and 1 or 0)
		errors = errors + (broken and 1 or 0)
		cases[i] = case(entry, sentence(entry.row), suite)
	end
	local numbers = ('tests="%d" failures="%d" errors="%d" time="%.3f"'):format(
		#report, failures, errors, report.about.seconds or 0)
	return table.concat({
		'<?xml version="1.0" encoding="UTF-8"?>',
		('<testsuites name="netns" %s>'):format(numbers),
		('\t<testsuite name="%s" %s timestamp="%s" hostname="localhost">'):format(escape(suite), numbers,
			os.date("!%Y-%m-%dT%H:%M:%S", report.about.time)),
		("\t\t<properties>\n\t\t\t<property name=\"kernel\" value=\"%s\"/>\n\t\t</properties>"):format(
			escape(kernel())),
		table.concat(cases, "\n"),
		"\t</testsuite>",
		"</testsuites>\n",
	}, "\n")
end

return { document = document, escape = escape }

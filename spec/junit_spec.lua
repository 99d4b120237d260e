-- SPDX-License-Identifier: MIT
-- junit_spec.lua - a report as JUnit XML fits what continuous integration takes
--
-- The schema says of each element which attributes it must and may have and what may be in it, as
-- the one does that Jenkins checks results by (junit-10.xsd): nothing else is allowed.
local lab = require "netns.lab"
local netns = require "netns"
local support = require "spec.support"

local elements = {
	{ "testsuites", {}, { "name", "time", "tests", "failures", "errors" }, { "testsuite" } },
	{ "testsuite", { "name", "tests", "failures", "errors" },
		{ "time", "skipped", "timestamp", "hostname", "id", "package", "group", "file", "log", "url" },
		{ "testsuite", "properties", "testcase", "system-out", "system-err" } },
	{ "properties", {}, {}, { "property" } },
	{ "property", { "name", "value" }, {}, {} },
	{ "testcase", { "name" }, { "classname", "time", "group" },
		{ "skipped", "error", "failure", "system-out", "system-err" } },
	{ "failure", {}, { "type", "message" }, { "text" } },
	{ "error", {}, { "type", "message" }, { "text" } },
	{ "skipped", {}, { "type", "message" }, { "text" } },
	{ "system-out", {}, {}, { "text" } }, { "system-err", {}, {}, { "text" } },
}

--- The same in RELAX NG's words.
local function schema()
	local lines = { '<grammar xmlns="http://relaxng.org/ns/structure/1.0">',
		'<start><ref name="testsuites"/></start>' }
	for _, element in ipairs(elements) do
		local name, must, may, content = table.unpack(element)
		lines[#lines + 1] = ('<define name="%s"><element name="%s">'):format(name, name)
		for _, attribute in ipairs(must) do
			lines[#lines + 1] = ('<attribute name="%s"/>'):format(attribute)
		end
		for _, attribute in ipairs(may) do
			lines[#lines + 1] = ('<optional><attribute name="%s"/></optional>'):format(attribute)
		end
		local choices = {}
		for i, each in ipairs(content) do
			choices[i] = each == "text" and "<text/>" or ('<ref name="%s"/>'):format(each)
		end
		lines[#lines + 1] = #choices == 0 and "<empty/>" or "<zeroOrMore><choice>"
			.. table.concat(choices) .. "</choice></zeroOrMore>"
		lines[#lines + 1] = "</element></define>"
	end
	lines[#lines + 1] = "</grammar>"
	return table.concat(lines, "\n")
end

describe("a report's JUnit XML", function()
	local file

	before_each(function()
		if not support.has "xmllint" then
			pending("xmllint is not installed")
		end
		file = os.tmpname()
		local out <close> = io.open(file, "w")
		out:write(schema())
	end)

	after_each(function()
		os.remove(file or "")
	end)

	local function check(xml)
		local here <close> = netns.current()
		return here:exec { "xmllint", "--noout", "--relaxng", file, "-", stdin = xml, check = false }
	end

	it("is valid, whatever the rows and names are", function()
		local net <close> = lab.star(3, "ci")
		net:up()
		local report = net:check {
			{ "h1", "h2", "tcp/80", "open" }, { "h1", "h2", "tcp/80", "isolated" },
			{ "h1", "h2", "arp", "open", family = "inet6" },
			{ net:node "h1", { "h2", "h3" }, "*", { "open", "dropped" }, family = "inet" },
		}
		report[1].why, report[2].why = "a < b & \"c\"\1\n", "]]>"
		local r = check(report:junit())
		assert.equal(0, r.code, r.stderr .. report:junit())
		assert.truthy(report:junit():find('tests="4" failures="1" errors="1"', 1, true))
	end)

	it("would be found invalid", function()
		local good = '<testsuites><testsuite name="" tests="" failures="" errors="">%s</testsuite>'
			.. "</testsuites>"
		assert.equal(0, check(good:format '<testcase name="x"/>').code)
		for _, bad in ipairs { "<testcase/>", '<testcase name="x" line="1"/>', "<case/>", "text" } do
			assert.not_equal(0, check(good:format(bad)).code, bad)
		end
	end)
end)

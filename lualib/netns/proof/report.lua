-- SPDX-License-Identifier: MIT
-- netns.proof.report - what a truth table came to: for people on a terminal, and for machines
--
-- A report is the array of its entries { ok, index, where, row, verdict, verdicts, why }, in the
-- order of the rows, with `ok` for all. `where` is the line of the script that asked: a table of
-- rows has no lines of its own. Colour only where `colour` says so (a terminal, no NO_COLOR).

local core = require "netns.core"
local files = require "netns.files"
local json = require "netns.json"

local MANY = 6 -- verdicts

local report_methods = {}
local report_mt = { __name = "netns.report", __index = report_methods }

local function name_of(value)
	if type(value) == "table" and rawget(value, "name") then
		return value.name
	elseif type(value) == "table" then
		local list = {}
		for i, each in ipairs(value) do
			list[i] = name_of(each)
		end
		return table.concat(list, ",")
	end
	return tostring(value)
end

--- What a row accepts; long lists of verdicts only by their number.
local function expectation(value)
	if type(value) == "table" and #value > MANY then
		return ("one of %d verdicts"):format(#value)
	end
	return (name_of(value):gsub(",", " or "))
end

--- A row in one line: "web -> db tcp/22 is isolated".
local function sentence(row)
	return ("%s -> %s %s%s is %s%s"):format(name_of(row[1]), name_of(row[2]), name_of(row[3]),
		row.size and (" of %d bytes"):format(row.size) or "", expectation(row[4]),
		row.family and " (" .. row.family .. ")" or "")
end

local colours = { good = "32", bad = "31", quiet = "2" }

local function painter(colour)
	return function(kind, text)
		return colour and ("\27[%sm%s\27[0m"):format(colours[kind], text) or text
	end
end

--- The verdicts that decided against a row, one line each.
local function against(entry)
	local lines = {}
	for _, verdict in ipairs(entry.verdicts) do
		if verdict.verdict == entry.verdict and #lines < 3 then
			lines[#lines + 1] = ("%s -> %s %s %s: %s"):format(verdict.from, verdict.to, verdict.what,
				verdict.addr, verdict.why)
		end
	end
	return #lines > 0 and lines or { entry.why }
end

--- Does what goes to this descriptor look better in colours? (no-color.org)
local function in_colour(fd)
	local refused = os.getenv "NO_COLOR"
	return core.isatty(fd) and (refused == nil or refused == "")
end

--- What a reader must know of how it was asked, behind `before`; "" for nothing.
local function caution(self, before)
	return self.about and self.about.neighbours == "known" and before .. "Link-layer addresses were "
		.. "told beforehand, so what stops ARP or neighbour discovery was not seen." or ""
end

--- report:text([colour]) -> a line for each row, and why for those that fail; without being told,
--- in colours where our standard output is a terminal
function report_methods:text(colour)
	if colour == nil then
		colour = in_colour(1)
	end
	local paint, lines, failed, width = painter(colour), {}, 0, #tostring(#self) + 1
	for _, entry in ipairs(self) do
		local mark = entry.ok and paint("good", "ok    ") or paint("bad", "FAILED")
		local told = entry.ok and "" or ", but it was " .. tostring(entry.verdict)
		local number = "#" .. entry.index
		lines[#lines + 1] = ("%s  %s%s %s%s%s"):format(mark, number, (" "):rep(width - #number),
			sentence(entry.row), told,
			entry.where and not entry.ok and paint("quiet", " (" .. entry.where .. ")") or "")
		for _, line in ipairs(entry.ok and {} or against(entry)) do
			lines[#lines + 1] = "        " .. paint("quiet", line)
		end
		failed = failed + (entry.ok and 0 or 1)
	end
	lines[#lines + 1] = failed == 0 and ("All %d rows hold."):format(#self)
		or ("%d of %d rows do not hold."):format(failed, #self)
	lines[#lines] = lines[#lines] .. caution(self, " ")
	return table.concat(lines, "\n")
end

function report_mt:__tostring()
	return self:text(false)
end

--- report:failures() -> how many rows do not hold, and the lines of those
function report_methods:failures()
	local some = setmetatable({}, report_mt)
	for _, entry in ipairs(self) do
		some[#some + 1] = not entry.ok and entry or nil
	end
	return ("%d of %d rows do not hold\n%s"):format(#some, #self,
		(some:text(false):gsub("\n[^\n]*$", "")))
end

--- report:tap() -> TAP version 13
function report_methods:tap()
	local lines = { "TAP version 13", "1.." .. #self }
	local told = caution(self, "# ")
	lines[#lines + 1] = told ~= "" and told or nil
	for i, entry in ipairs(self) do
		local text = sentence(entry.row):gsub("#", "\\#")
		lines[#lines + 1] = ("%s %d - %s"):format(entry.ok and "ok" or "not ok", i, text)
		if not entry.ok then
			lines[#lines + 1] = "  ---\n  verdict: " .. tostring(entry.verdict)
			lines[#lines + 1] = entry.where and "  at: " .. json.encode(entry.where)
			lines[#lines + 1] = "  why: " .. json.encode(entry.why)
			lines[#lines + 1] = "  ..."
		end
	end
	return table.concat(lines, "\n") .. "\n"
end

--- A copy that JSON can say: nodes by name.
local function plain_row(row)
	local function side(value)
		return type(value) == "table" and json.array((function()
			local list = {}
			for i, each in ipairs(rawget(value, "name") and { value } or value) do
				list[i] = name_of(each)
			end
			return list
		end)()) or value
	end
	return { from = side(row[1]), to = side(row[2]), what = side(row[3]), expected = side(row[4]),
		family = row.family, size = row.size }
end

local verdict_keys = { "from", "to", "what", "family", "addr", "size", "verdict", "why",
	"delivered",
	"answered", "by", "icmp", "rtt", "listener", "short", "control", "at" }

--- report:data() -> the report as a plain table
function report_methods:data()
	local rows = json.array {}
	for i, entry in ipairs(self) do
		local list = json.array {}
		for j, verdict in ipairs(entry.verdicts) do
			list[j] = {}
			for _, key in ipairs(verdict_keys) do
				list[j][key] = verdict[key]
			end
		end
		rows[i] = { ok = entry.ok, index = entry.index, where = entry.where,
			row = plain_row(entry.row), verdict = entry.verdict, why = entry.why, verdicts = list }
	end
	return { name = self.about.name, ok = self.ok, neighbours = self.about.neighbours, rows = rows }
end

--- report:json() -> text
function report_methods:json()
	return json.encode(self:data(), "  ")
end

--- report:junit() -> JUnit XML
function report_methods:junit()
	return require "netns.proof.junit".document(self, sentence)
end

--- report:html(file) writes one self-contained page; without a file it returns it
function report_methods:html(file)
	local page = require "netns.proof.html".page(self, sentence, caution(self, " "))
	if file == nil then
		return page
	end
	files.write("report html", file, page)
end

--- A matrix as a table of names and verdicts.
local function matrix_text(matrix)
	local names = {}
	for name in next, matrix do
		names[#names + 1] = name
	end
	table.sort(names)
	local width = 4
	for _, name in ipairs(names) do
		width = math.max(width, #name)
		for _, verdict in next, matrix[name] do
			width = math.max(width, #verdict)
		end
	end
	local function cell(text)
		return text .. (" "):rep(width - #text)
	end
	local lines, head = {}, { cell "" }
	for _, name in ipairs(names) do
		head[#head + 1] = cell(name)
	end
	lines[1] = table.concat(head, "  ")
	for _, from in ipairs(names) do
		local line = { cell(from) }
		for _, to in ipairs(names) do
			line[#line + 1] = cell(matrix[from][to] or "-")
		end
		lines[#lines + 1] = table.concat(line, "  ")
	end
	return (table.concat(lines, "\n"):gsub(" +\n", "\n"):gsub(" +$", ""))
end

--- A report of entries; `about` = { name, time, seconds, layout }.
local function new(entries, about)
	local self = setmetatable(entries, report_mt)
	self.ok = true
	for _, entry in ipairs(entries) do
		self.ok = self.ok and entry.ok
	end
	self.about = about or {}
	return self
end

return { new = new, sentence = sentence, matrix = matrix_text,
	in_colour = in_colour, methods = report_methods }

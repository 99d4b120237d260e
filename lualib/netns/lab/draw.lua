-- SPDX-License-Identifier: MIT
-- netns.lab.draw - a lab as a picture: dot, Mermaid, SVG and PNG through Graphviz, text for
-- terminals
--
-- Drawn from the layout, so a lab need not be up. Every label goes through the escape of its
-- language: a name can bring nothing with it.

local core = require "netns.core"
local files = require "netns.files"

local shapes = { host = "box", router = "ellipse", switch = "diamond", internet = "doublecircle" }

--- Words of one end: the interface's name and its addresses.
local function end_words(interface)
	local words = { interface.name }
	for _, family in ipairs { "inet", "inet6" } do
		local address = interface.address and interface.address[family]
		words[#words + 1] = address and tostring(address) or nil
	end
	return words
end

--- Words of a cable: what is special about it.
local function cable_words(link)
	local words = {}
	for _, key in ipairs { "vlan", "mtu", "delay", "jitter", "loss", "rate", "reorder" } do
		local value = link[key]
		words[#words + 1] = value ~= nil and key .. " " .. tostring(value) or nil
	end
	words[#words + 1] = link.up == false and "down" or nil
	return words
end

local formats = {}

-- dot

local function dot_quote(lines)
	for i, line in ipairs(lines) do
		lines[i] = line:gsub('["\\]', "\\%0"):gsub("%c", "?")
	end
	return '"' .. table.concat(lines, "\\n") .. '"'
end

function formats.dot(layout)
	local out = {
		"graph " .. dot_quote { layout.name or "lab" } .. " {",
		"\tgraph [nodesep=1.2, ranksep=1.5, splines=line];",
		'\tnode [fontname="sans-serif", fontsize=12];',
		'\tedge [fontname="sans-serif", fontsize=8, labeldistance=4, labelangle=20];',
	}
	for _, node in ipairs(layout.order) do
		out[#out + 1] = ("\t%s [shape=%s, label=%s];"):format(dot_quote { node.name }, shapes[node.kind],
			dot_quote { node.name, node.kind })
	end
	for _, ends in ipairs(layout.cables) do
		out[#out + 1] = ("\t%s -- %s [taillabel=%s, headlabel=%s, label=%s%s];"):format(
			dot_quote { ends[1].node.name }, dot_quote { ends[2].node.name }, dot_quote(end_words(ends[1])),
			dot_quote(end_words(ends[2])), dot_quote(cable_words(ends[1].link)),
			ends[1].link.up == false and ", style=dashed" or "")
	end
	out[#out + 1] = "}\n"
	return table.concat(out, "\n")
end

-- Mermaid

local brackets = { host = { "[", "]" }, router = { "([", "])" }, switch = { "{{", "}}" },
	internet = { "((", "))" } }

local function mermaid_quote(lines)
	for i, line in ipairs(lines) do
		lines[i] = line:gsub('[^%w ./:_-]', function(c)
			return ("#%d;"):format(c:byte())
		end)
	end
	return '"' .. table.concat(lines, "<br/>") .. '"'
end

function formats.mmd(layout)
	local out, ids = { "graph LR" }, {}
	for i, node in ipairs(layout.order) do
		ids[node.name] = "n" .. i
		local bracket = brackets[node.kind]
		out[#out + 1] = ("\tn%d%s%s%s"):format(
			i, bracket[1], mermaid_quote { node.name, node.kind }, bracket[2])
	end
	for _, ends in ipairs(layout.cables) do
		local words = { table.concat(end_words(ends[1]), " "), table.concat(end_words(ends[2]), " "),
			table.unpack(cable_words(ends[1].link)) }
		out[#out + 1] = ("\t%s %s|%s| %s"):format(ids[ends[1].node.name],
			ends[1].link.up == false and "-.-" or "---", mermaid_quote(words), ids[ends[2].node.name])
	end
	return table.concat(out, "\n") .. "\n"
end

-- Text: one paragraph for each segment

local function members_of(segment)
	local list = {}
	for _, member in ipairs(segment.members) do
		list[#list + 1] = member
	end
	return list
end

--- What a segment is called: its switches, or the two nodes at the ends of its cable.
local function segment_title(segment)
	local names, seen = {}, {}
	for _, member in ipairs(segment.members) do
		local name = member.other.node.kind == "switch" and member.other.node.name
		if name and not seen[name] then
			seen[name], names[#names + 1] = true, name
		end
	end
	if #names == 0 then
		for _, member in ipairs(segment.members) do
			names[#names + 1] = member.node.name
		end
		return table.concat(names, " -- ")
	end
	return table.concat(names, " = ")
end

local function padded(rows)
	local widths, lines = {}, {}
	for _, row in ipairs(rows) do
		for i, cell in ipairs(row) do
			widths[i] = math.max(widths[i] or 0, #cell)
		end
	end
	for i, row in ipairs(rows) do
		local cells = {}
		for j, cell in ipairs(row) do
			cells[j] = cell .. (" "):rep(widths[j] - #cell)
		end
		lines[i] = table.concat(cells, "  "):gsub(" +$", "")
	end
	return lines
end

function formats.txt(layout)
	local out = { (layout.name or "lab") }
	for i, segment in ipairs(layout.segments) do
		local last = i == #layout.segments
		local subnets = {}
		for _, family in ipairs { "inet", "inet6" } do
			subnets[#subnets + 1] = segment.subnet[family] and tostring(segment.subnet[family]:network())
				or nil
		end
		out[#out + 1] = ("%s %s  %s"):format(last and "└─" or "├─", segment_title(segment),
			table.concat(subnets, "  ")):gsub(" +$", "")
		local rows = {}
		for j, member in ipairs(members_of(segment)) do
			local cells = { member.node.name, table.unpack(end_words(member)) }
			local words = cable_words(member.link)
			cells[#cells + 1] = #words > 0 and "(" .. table.concat(words, ", ") .. ")" or nil
			rows[j] = cells
		end
		for j, line in ipairs(padded(rows)) do
			out[#out + 1] = ("%s  %s %s"):format(last and " " or "│", j == #rows and "└─" or "├─", line)
		end
	end
	return table.concat(out, "\n") .. "\n"
end

-- Files

local function graphviz(format)
	return function(layout, file)
		local here <close> = core.current()
		local drawn, e = pcall(here.exec, here,
			{ "dot", "-T" .. format, "-o", file, stdin = formats.dot(layout) })
		if not drawn and type(e) == "table" and e.code == "ENOENT" then
			e.hint = "it needs Graphviz: install it (Debian: graphviz), or draw a .dot file"
		end
		if not drawn then
			error(e, 0)
		end
	end
end

local drawers = { svg = graphviz "svg", png = graphviz "png" }

local methods = {}

--- lab:draw(file) writes a picture, by the end of its name: .dot .mmd .svg .png .txt. lab:draw()
--- returns the one for terminals.
function methods:draw(file)
	local layout = self.running and self.running.layout or self:layout(nil, "lab draw")
	if file == nil then
		return formats.txt(layout)
	end
	local ending = type(file) == "string" and file:match("%.(%w+)$")
	if drawers[ending] then
		drawers[ending](layout, file)
	elseif formats[ending] then
		files.write("lab draw", file, formats[ending](layout))
	else
		core.raise { op = "lab draw", attr = "file", code = "EINVAL", misuse = true,
			message = "a file's name that ends in .dot, .mmd, .svg, .png or .txt expected" }
	end
end

return { methods = methods, formats = formats }

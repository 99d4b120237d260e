-- SPDX-License-Identifier: MIT
-- repl_completion_spec.lua - what Tab offers, and that looking for it runs nobody's code

local terminal = require "spec.terminal"

local A, E, U, TAB = "\1", "\5", "\21", "\t"
local t

-- The line that `keys` make of nothing.
local function line(keys)
	return t:enter(keys .. A .. "print([==[" .. E .. "]==])")
end

-- Run a statement that prints nothing.
local function run(code)
	t:keys(code .. "\r")
	t:match "\n> $"
end

-- What Tab shows behind the text, in one string.
local function list(text)
	t:keys(U .. text .. TAB)
	local shown = t:match("\n(.-\n)[^\n]*> " .. text:gsub("%p", "%%%0"))
	t:keys(U)
	return (shown:gsub("%s+", " "))
end

local function check(cases)
	for typed, expected in pairs(cases) do
		assert.equal(expected, line(typed .. TAB), typed)
	end
end

describe("completion", function()
	setup(function()
		if terminal.has_editing then
			t = terminal.repl()
		end
	end)

	teardown(function()
		if t then
			t:close()
		end
	end)

	terminal.test("of variables and keywords", function()
		check {
			["whi"] = "while";
			["x = tonu"] = "x = tonumber";
			["f(setm"] = "f(setmetatable";
			["a.b, collec"] = "a.b, collectgarbage";
			["nonsense"] = "nonsense";
			["_VERS"] = "_VERSION";
			["1whi"] = "1whi";
			["-- whi"] = "-- whi";
			["[[whi"] = "[[whi";
			["'a' whi"] = "'a' while";
			["a..whi"] = "a..while";
			["  "] = "  \t";
			[""] = "\t";
		}
	end)

	terminal.test("of fields and methods", function()
		run "T = { field = {}, f = print, n = 1, ['no name'] = 2, [1] = 3, _private = 4 }"
		run "T.field.inner = setmetatable({}, { __index = setmetatable({}, { __index = T }) })"
		run "S = 'text'"
		check {
			["T.fie"] = "T.field";
			["T . fi"] = "T . field";
			["T.field.inner.fiel"] = "T.field.inner.field";
			["T.field.inner.field.inn"] = "T.field.inner.field.inner";
			["T.n"] = "T.n";
			["T._"] = "T._private";
			["T:"] = "T:f";
			["S:rev"] = "S:reverse";
			["S.rev"] = "S.reverse";
			["S.x.rev"] = "S.x.rev";
			["T[1].fie"] = "T[1].fie";
			["f().fie"] = "f().fie";
			["_G.T.fie"] = "_G.T.field";
			["io.stdout:see"] = "io.stdout:seek";
			["T['no"] = "T['no name']";
			["x = T[\"fi"] = "x = T[\"field\"]";
		}
		assert.equal("f field n ", list "T.")
		assert.equal("f field ", list "T.f")
		assert.equal("gmatch gsub ", list "string.g")
	end)

	terminal.test("goes as far as all agree, and lists only then", function()
		run "U = { abcdef = 1, abcxyz = 2 }"
		check { ["U.a"] = "U.abc" }
		assert.equal("abcdef abcxyz ", list "U.abc")
		assert.equal("1", t:enter("U.a" .. TAB .. "d" .. TAB))
	end)

	terminal.test("looks across the lines of a statement", function()
		t:keys "q = {\r"
		t:await "\n>> "
		t:keys("a = T.fi" .. TAB .. ",\r")
		t:await "\n>> "
		run "[===[ ]===] }"
		run "print = print q = { [[\r whi\t ]] }"
	end)

	terminal.test("runs no code", function()
		run "ran = 0 local function code() ran = ran + 1 end R = setmetatable({}, { __index = code, \z
			__call = code, __pairs = code, __len = code, __eq = code, __tostring = code, __name = 'x' })"
		run "W = setmetatable({ R = R }, { __index = R, __metatable = 'closed' })"
		t:keys("R." .. TAB .. U .. "R.x." .. TAB .. U .. "W.R.x:" .. TAB .. U .. "W.x.y" .. TAB .. U)
		t:keys("R:" .. TAB .. U .. "R['" .. TAB .. U .. "R.x['" .. TAB .. U)
		assert.equal("0", t:enter "ran")
		run "loop = {} setmetatable(loop, { __index = loop })"
		check { ["loop.x.y"] = "loop.x.y" }
	end)

	terminal.test("of the module and of handles", function()
		run "netns = require 'netns' ns = netns.new() other = netns.new()"
		check {
			["netns.ident"] = "netns.identify";
			["netns.prob"] = "netns.probe"; -- not loaded yet
			["ns.ino"] = "ns.inode";
			["ns:ino"] = "ns:ino";
			["ns:sp"] = "ns:spawn";
			["ns.link:rep"] = "ns.link:replace";
			["ns.route:look"] = "ns.route:lookup";
			["ns.nft:che"] = "ns.nft:check";
		}
		assert.equal("add delete flush get list replace set wait ", list "ns.link:")
		run "p = ns:spawn { 'true' } p:wait() closed = netns.new() closed:close()"
		check {
			["p:kil"] = "p:kill";
			["p.pi"] = "p.pid";
			["closed:pi"] = "closed:pids";
			["closed.lin"] = "closed.link";
		}
		run "p:close()"
	end)

	terminal.test("of labs and their nodes", function()
		run "net = require 'netns.lab'.new() web = net:host 'web'"
		check {
			["net:hos"] = "net:host";
			["net:expl"] = "net:explain"; -- not loaded yet
			["web.nam"] = "web.name";
			["web:addr"] = "web:address";
			["web.lin"] = "web.lin";
		}
		run "net:switch 'lan' net:link(web, 'lan') net:up()"
		check {
			["web.lin"] = "web.link";
			["web.link:rep"] = "web.link:replace";
			["web:sp"] = "web:spawn";
			["web.sysctl:li"] = "web.sysctl:list";
			["web.link:get 'et"] = "web.link:get 'eth0'";
		}
		run "net:down()"
		check { ["web.lin"] = "web.lin", ["web.link:get 'l"] = "web.link:get 'lo'" }
	end)

	terminal.test("of links in strings", function()
		run "netns = require 'netns' ns = netns.new() other = netns.new()"
		run "ns.link:add { name = 'inside0', kind = 'veth', peer = { name = 'beyond0', netns = other } }"
		run "node = setmetatable({}, { __netns = function() return other end, __fields = {} })"
		check {
			["ns.link:get 'in"] = "ns.link:get 'inside0'";
			["ns.link:get(\"in"] = "ns.link:get(\"inside0\"";
			["ns.addr:add { dev = 'in"] = "ns.addr:add { dev = 'inside0'";
			["f(ns, x.y, 'in"] = "f(ns, x.y, 'inside0'";
			["ns:exec { 'ip', 'link', 'show', 'in"] = "ns:exec { 'ip', 'link', 'show', 'inside0'";
			["os.execute 'ip link show l"] = "os.execute 'ip link show lo";
			["other.link:get 'be"] = "other.link:get 'beyond0'";
			["node, 'be"] = "node, 'beyond0'";
			["x = 'l"] = "x = 'lo'";
			["x = 'in"] = "x = 'in";
		}
		assert.equal("inside0 lo ", list "ns.link:get '")
		run "closed = netns.new() closed:close()"
		check { ["closed.link:get 'l"] = "closed.link:get 'lo'" }
		assert.equal("lo", t:enter "other:call(function() end) or 'lo'")
	end)

	terminal.test("of long lists shows what the terminal holds", function()
		run "many = {} for i = 1, 1000 do many['field' .. i] = i end"
		local shown = list "many.field"
		assert.matches(" %.%.%. and %d+ more $", shown)
		assert.is_true(#shown < 3000)
	end)
end)

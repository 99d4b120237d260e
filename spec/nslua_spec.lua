-- SPDX-License-Identifier: MIT
-- nslua_spec.lua - nslua is lua5.4 and a little more: options, scripts, errors, REPL, Ctrl-C

local lfs = require "lfs"
local support = require "spec.support"

local NSLUA = support.interpreter
local dir

local function quote(text)
	return "'" .. text:gsub("'", [['\'']]) .. "'"
end

local function write(name, text)
	local file = assert(io.open(dir .. "/" .. name, "w"))
	file:write(text)
	file:close()
	return dir .. "/" .. name
end

local function read(name)
	return support.read(dir .. "/" .. name)
end

-- Run a program with arguments; `opts`: env (an assignment or more, in sh's syntax), stdin (text).
local function run(program, args, opts)
	opts = opts or {}
	local words = {}
	for i, arg in ipairs(args) do
		words[i] = quote(arg)
	end
	write("stdin", opts.stdin or "")
	local command = ("cd %s && %s exec %s %s <stdin >stdout 2>stderr"):format(quote(dir),
		opts.env and "export " .. opts.env .. ";" or "", quote(program), table.concat(words, " "))
	local _, how, code = os.execute(command)
	return { how = how, code = code, out = read("stdout"), err = read("stderr") }
end

local function nslua(args, opts)
	return run(NSLUA, args, opts)
end

-- The result as it would be if the program's name were lua5.4, and the build tree were not searched
local function renamed(result)
	local name = NSLUA:gsub("%p", "%%%0")
	result.out = result.out:gsub(name, "lua5.4")
	result.err = result.err:gsub("%f[^\n\0]" .. name .. ":", "lua5.4:")
	result.err = result.err:gsub("\n\tno file '[^'\n]*/lualib/[^\n]*", "")
	return result
end

local has_lua = support.has "lua5.4"

setup(function()
	dir = os.tmpname()
	os.remove(dir)
	assert(lfs.mkdir(dir))
end)

teardown(function()
	os.execute("rm -rf " .. quote(dir))
end)

describe("nslua, compared with lua5.4,", function()
	-- name -> arguments; the script is `print(arg[0], arg[-1], #arg, ...)`
	local same = {
		["runs -e"] = { "-e", "print(1)" },
		["runs -e joined"] = { "-eprint(1)" },
		["runs several -e in order"] = { "-e", "x = 1", "-e", "print(x)" },
		["runs a script with arguments"] = { "script.lua", "a", "b" },
		["counts arg from the script"] = { "-e", "x = 1", "script.lua", "q" },
		["stops options at --"] = { "--", "script.lua", "-e" },
		["reads - from stdin"] = { "-", "a", "b" },
		["reads stdin that is no terminal"] = {},
		["requires -l"] = { "-l", "string", "-e", "print(string.rep('x', 3))" },
		["requires -l into a name"] = { "-l", "s=string", "-e", "print(s == string)" },
		["does not find -l"] = { "-l", "no_such_module" },
		["does not find a script"] = { "no_such_script.lua" },
		["says what is wrong with -e"] = { "-e", "x x" },
		["says what is wrong with a script"] = { "broken.lua" },
		["shows an error with its traceback"] = { "fails.lua" },
		["shows a table as error"] = { "-e", "error({})" },
		["shows nil as error"] = { "-e", "error()" },
		["shows a number as error"] = { "-e", "error(42)" },
		["lets an object speak for itself"] = {
			"-e", "error(setmetatable({}, { __tostring = function() return 'me' end }))",
		},
		["distrusts what __tostring returns"] = {
			"-e", "error(setmetatable({}, { __tostring = function() return 1 end }))",
		},
		["ends with os.exit's code"] = { "-e", "os.exit(7)" },
		["ends with os.exit(false)"] = { "-e", "os.exit(false)" },
		["ends with os.exit(n, true)"] = { "-e", "io.write('x') os.exit(3, true)" },
		["ignores what a script returns"] = { "-e", "return 5" },
		["flushes and finalizes"] = {
			"-e", "setmetatable({}, { __gc = function() print('gc') end }) io.write('no newline ')",
		},
		["closes variables when an error passes"] = {
			"-e", "local x <close> = setmetatable({}, { __close = function() print('c') end }) error 'e'",
		},
		["is silent about warnings"] = { "-e", "warn 'w'" },
		["warns with -W"] = { "-W", "-e", "warn 'w'" },
		["warns with @on"] = { "-e", "warn '@on' warn 'w'" },
		["collects generationally"] = { "-e", "print(collectgarbage('incremental'))" },
		["has coroutine errors as they are"] = { "coroutines.lua" },
		["has a coroutine's error in the traceback"] = {
			"-e", "coroutine.wrap(function() error 'inner' end)()",
		},
		["has coroutine.resume in the traceback"] = {
			"-e", "coroutine.resume(1)",
		},
		["checks coroutine.wrap's argument"] = { "-e", "coroutine.wrap()" },
		["runs nothing for an option without argument"] = { "-e", "-l" },
		["keeps arg writable by -e"] = { "-e", "arg[1] = 'new'", "script.lua", "old" },
		["wants arg to be a table"] = { "-e", "arg = nil", "script.lua" },
	}
	local usage = { ["runs nothing for an option without argument"] = true }
	local stdin = "print(arg[0], arg[1], ...)"

	setup(function()
		write("script.lua", "#!/usr/bin/env nslua\nprint(arg[0], arg[-1], #arg, ...)\n")
		write("broken.lua", "local = 1\n")
		write("fails.lua", "local function f() error 'deep' end\nlocal function g() f() end\ng()\n")
		write("coroutines.lua", [[
			local function show(...) print(select("#", ...), ...) end
			local co = coroutine.create(function(...)
				show(...) show(coroutine.yield(4, 5)) error "end"
			end)
			show(coroutine.resume(co, 1, nil)) show(coroutine.status(co)) show(coroutine.resume(co, 6))
			show(coroutine.status(co)) show(coroutine.resume(co)) show(coroutine.close(co))
			show(coroutine.resume(coroutine.running())) show(pcall(coroutine.close, coroutine.running()))
			show(type(select(2, pcall(coroutine.wrap(function() error {} end)))))
			local w = coroutine.wrap(function() coroutine.yield(1) end)
			show(w()) show(w()) show(pcall(w))
			local closed = coroutine.create(function()
				local x <close> = setmetatable({}, { __close = function() error "in close" end })
				coroutine.yield()
			end)
			coroutine.resume(closed) show(coroutine.close(closed)) show(coroutine.close(closed))
			local outer
			outer = coroutine.create(function()
				show(coroutine.isyieldable(), coroutine.running() == outer)
				local inner = coroutine.create(function()
					show(coroutine.status(outer)) show(pcall(coroutine.close, outer))
					show(coroutine.resume(outer))
				end)
				show(coroutine.resume(inner))
				for i in coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) do show(i) end
				table.sort({ 1, 2, 3 }, function(a, b) show(pcall(coroutine.yield)) return a < b end)
			end)
			show(coroutine.resume(outer)) show(coroutine.isyieldable())
			show(coroutine.resume(coroutine.create(function() return table.unpack({}, 1, 1e6) end)))
			show(pcall(coroutine.wrap(function()
				local x <close> = setmetatable({}, { __close = function(_, e) error("closing " .. e, 0) end })
				error("first", 0)
			end)))
			local deep = function(f, n) return n == 0 and 0 or coroutine.wrap(f)(f, n - 1) end
			show((pcall(deep, deep, 250)))
		]])
	end)

	for name, args in pairs(same) do
		it(name, function()
			if not has_lua then
				pending("lua5.4 is not installed")
			end
			local theirs = run("lua5.4", args, { stdin = stdin })
			local ours = renamed(nslua(args, { stdin = stdin }))
			if usage[name] then
				assert.equal(2, ours.code)
				assert.equal(theirs.err:match("^[^\n]*"), ours.err:match("^[^\n]*"))
			else
				assert.same(theirs, ours)
			end
		end)
	end

	for _, env in ipairs {
		"LUA_INIT='print(1)'",
		"LUA_INIT='print(1)' LUA_INIT_5_4='print(2)'",
		"LUA_INIT=@script.lua",
		"LUA_INIT='error [[x]]'",
		"LUA_INIT=@no_such_file",
		"LUA_PATH='./?.lua' LUA_INIT='print((package.path:match [[^[^;]*]]))'",
		"LUA_PATH='a;;' LUA_PATH_5_4='b' LUA_INIT='print((package.path:match [[^[^;]*]]))'",
		"LUA_CPATH='c' LUA_INIT='print(package.cpath)'",
	} do
		for _, option in ipairs { "-e", "-Ee" } do
			it("treats " .. env .. " the same with " .. option, function()
				if not has_lua then
					pending("lua5.4 is not installed")
				end
				-- In the build tree the tree's own library comes first; take it away to compare the rest.
				local args = option == "-e" and { "-e", "print(2)" } or { "-E", "-e", "print(2)" }
				local theirs = run("lua5.4", args, { env = env })
				local ours = renamed(nslua(args, { env = env }))
				local first = theirs.out:match("^[^\n]*\n") or ""
				ours.out = ours.out:gsub("^/[^\n]*/lualib/%?%.lua\n", first)
				assert.same(theirs, ours)
			end)
		end
	end
end)

describe("nslua", function()
	it("prints help and version on stdout", function()
		local help, version = nslua { "--help" }, nslua { "--version" }
		assert.equal(0, help.code)
		assert.matches("^usage: ", help.out)
		assert.matches("%-%-host", help.out)
		assert.equal("", help.err)
		assert.equal(0, version.code)
		assert.matches("^nslua %S+ %(Lua 5%.4%.%d+%)\n$", version.out)
	end)

	it("begins -v as Lua does", function()
		assert.matches("^Lua 5%.4%.%d+  Copyright.*%(nslua ", nslua({ "-v" }).out)
		assert.equal("", nslua({ "-v" }, { stdin = "print 'not run'" }).err)
	end)

	it("exits 2 for wrong usage", function()
		for _, args in ipairs {
			{ "-x" }, { "--hosts" }, { "-vx" }, { "-Ex" }, { "-ix" }, { "-e" }, { "-l" }, { "-m" },
			{ "-l", "-e" }, { "--host=1" }, { "---" },
		} do
			local r = nslua(args)
			assert.equal(2, r.code, args[1])
			assert.equal("", r.out)
			assert.matches("'" .. args[1]:gsub("%p", "%%%0") .. "'.*\nusage: ", r.err)
		end
	end)

	it("prints where and hint of a netns.error, and a traceback", function()
		local r = nslua { "-e", [[
			local core = require "netns.core"
			core.raise { op = "link add", subject = "x", code = "EPERM", message = "no", hint = "ask" }
		]] }
		assert.equal(1, r.code)
		assert.matches("^[^\n]*nslua: link add x: [^\n]*EPERM[^\n]*\n\tat [^\n]*:2\n\thint: ask\n", r.err)
		assert.matches("\n\thint: ask\nstack traceback:\n", r.err)
		assert.matches("in main chunk\n\t%[C%]: in %?\n$", r.err)
	end)

	it("hints what helps where it runs: nobody who runs nslua is told to", function()
		local script = [[
			local netns = require "netns"
			local ok, e = pcall(function() netns.current().link:add { name = "x", kind = "bridge" } end)
			print(e.code, e.hint)
		]]
		local function hint(...)
			local argv = table.move(support.without_privilege, 1, #support.without_privilege, 1, {})
			table.move({ ... }, 1, select("#", ...), #argv + 1, argv)
			argv.stdin = script
			return require "netns".current():exec(argv).stdout
		end
		assert.matches("^EPERM\ton the machine itself this takes root; without %-%-host [^\n]*\n$",
			hint(support.interpreter, "--host", "-"))
		local r = support.script [[
			local ok, e = pcall(require "netns.core".raise, { op = "x", code = "EPERM" })
			print(e.hint)
		]]
		assert.equal("nil\n", r.stdout)
	end)

	it("runs a module with -m", function()
		write("tool.lua", "print(arg[0], arg[-1], #arg, ...)")
		lfs.mkdir(dir .. "/sub")
		write("sub/tool.lua", "print(arg[0], debug.getinfo(1, 'S').source, ...)")
		write("bad.lua", "x x")
		assert.equal("./tool.lua\t-m\t2\ta\t-b\n", nslua({ "-m", "tool", "a", "-b" }).out)
		assert.equal("./sub/tool.lua\t@./sub/tool.lua\tx\n", nslua({ "-msub.tool", "x" }).out)
		assert.equal("1\n./tool.lua\t-m\t0\n", nslua({ "-e", "print(1)", "-m", "tool" }).out)
		local none = nslua { "-m", "no.such.tool" }
		assert.equal(1, none.code)
		assert.matches("module 'no%.such%.tool' not found:\n\tno field package%.preload", none.err)
		assert.matches("\n\tno file '%./no/such/tool%.lua'", none.err)
		assert.matches("error loading module 'bad' from file '%./bad%.lua'", nslua({ "-m", "bad" }).err)
	end)

	it("has netns.core linked in", function()
		local r = nslua { "-e", "local core, from = require 'netns.core' print(type(core), from)" }
		assert.equal("table\t:preload:\n", r.out)
	end)

	it("loads C modules of others", function()
		for _, name in ipairs { "cjson", "luv", "socket", "lfs", "term", "system" } do
			if package.searchpath(name, package.path) or package.searchpath(name, package.cpath) then
				local r = nslua { "-e", "print(type(require '" .. name .. "'))" }
				assert.equal("table\n", r.out, name .. ": " .. r.err)
			end
		end
	end)

	it("ignores the environment when it runs with foreign privilege", function()
		local copy = dir .. "/setuid"
		if not os.execute(("{ cp %s %s && chown 65534 %s && chmod u+s,a+rx %s; } 2>/dev/null"):format(
			quote(NSLUA), copy, copy, copy)) then
			pending("no second user here")
		end
		local r = run(copy, { "--host", "-e", "print(2)" }, { env = "LUA_INIT='print(1)'" })
		assert.equal("2\n", r.out)
	end)

	it("reads a script through a descriptor", function()
		local r = run("sh", { "-c", 'exec "$1" /dev/fd/5 x 5<script.lua', "sh", NSLUA })
		assert.matches("^/dev/fd/5\t.*\t1\tx\n$", r.out)
	end)
end)

describe("the REPL", function()
	local function talk(text, args)
		local r = nslua(args or { "-i" }, { stdin = text })
		local banner, rest = r.out:match("^(Lua 5%.4[^\n]*\n)(.*)$")
		assert.truthy(banner)
		return rest, r.err, r.code
	end

	it("prints what expressions give, and runs statements", function()
		assert.equal("> 2\n> > 3\tnil\n> \n", talk("1+1\nx = 3\nx, y\n"))
		assert.equal("> 7\n> \n", talk("=7\n"))
		assert.equal("> > \n", talk("local x\n"))
	end)

	it("asks for more until a statement is whole", function()
		assert.equal("> >> >> > 3\n> \n", talk("function f()\nreturn 3\nend\nf()\n"))
		assert.equal("> >> 2\n> >> 3\tnil\n> >> 4\n> \n", talk("(\n1 + 1)\n3,\nnil\n=(4\n)\n"))
		local out, err = talk("for i = 1, 2 do\n")
		assert.equal("> >> > \n", out)
		assert.matches("'end' expected near <eof>", err)
	end)

	it("takes lines of any length", function()
		assert.equal("> 100000\n> \n", talk("#'" .. ("x"):rep(100000) .. "'\n"))
	end)

	it("shows errors without the program's name, and goes on", function()
		local out, err, code = talk("error 'e'\n1\n")
		assert.equal("> > 1\n> \n", out)
		assert.matches("^stdin:1: e\nstack traceback:", err)
		assert.equal(0, code)
	end)

	it("uses the user's prompts and print", function()
		assert.equal("! ? ! 1\n! \n", talk("do x = 1\nend\nx\n",
			{ "-e", "_PROMPT, _PROMPT2 = '! ', '? '", "-i" }))
		assert.equal("> > P\n> \n", talk("function print() io.write 'P\\n' end\n1\n"))
		local _, err = talk("print = nil\n1\n")
		assert.matches("^error calling 'print' %(attempt to call a nil value%)", err)
	end)

	it("does without prompts that fail", function()
		assert.equal("> > 1\n> \n", talk("_PROMPT = setmetatable({}, { __tostring = error })\n1\n"))
		local out = talk("setmetatable(_G, { __index = error })\n2\n")
		assert.equal("> > 2\n> \n", (out:gsub("table: %S+\n", "")))
	end)

	it("shows errors of all kinds", function()
		local _, err = talk("local e = require 'netns.core' .. ''\n")
		assert.matches("^stdin:1: attempt to concatenate a table value", err)
		for code, shown in pairs {
			["coroutine.wrap(function() error 'inner' end)()"] =
				"^stdin:1: stdin:1: inner\nstack traceback:\n",
			["coroutine.wrap(function() require 'netns.core'.open 'no' end)()"] =
				"^netns open no: [^\n]* %(ENOENT%)\n\tat stdin:1\nstack traceback:\n",
			["error {}"] = "^%(error object is a table value%)\nstack traceback:\n",
			["error()"] = "^%(error object is a nil value%)\nstack traceback:\n",
			["error(setmetatable({}, { __tostring = function() return 'me' end }))"] = "^me\n$",
			["error(setmetatable({}, { __tostring = function() error 'x' end }))"] = "^stdin:1: x\n",
		} do
			_, err = talk(code .. "\n")
			assert.matches(shown, err)
		end
	end)

	it("follows a script with -i", function()
		assert.equal("> 5\n> \n", talk("v\n", { "-i", write("v.lua", "v = ...") , "5" }))
	end)
end)

describe("Ctrl-C", function()
	-- Run `code`, send it what `signals` (sh, with $pid) sends once it has said "go"
	local function interrupt(code, signals)
		write("code.lua", code)
		write("drive.sh", ([[
			set -m
			cd %s
			rm -f stdout; : >stdout
			%s code.lua >stdout 2>stderr </dev/null & pid=$!
			for i in {1..200}; do [ -s stdout ] && break; sleep 0.1; done; sleep 0.1
			%s
			( sleep 20; kill -9 $pid ) 2>/dev/null & dog=$!
			wait $pid; echo $? >code
			kill -- -$dog
		]]):format(quote(dir), quote(NSLUA), signals))
		os.execute("bash " .. quote(dir .. "/drive.sh") .. " 2>/dev/null")
		return { code = tonumber(read("code")), out = read("stdout"), err = read("stderr") }
	end

	local go = "io.stdout:setvbuf 'no' print 'go' "
	local loops = {
		["a loop"] = "while true do end",
		["a loop in a coroutine"] = "coroutine.wrap(function() while true do end end)()",
		["a loop in a coroutine in a coroutine"] = [[
			coroutine.wrap(function()
				coroutine.resume(coroutine.create(function() while true do end end))
				error 'x'
			end)()]],
		["coroutines that end at once"] =
			"while true do coroutine.wrap(function() end)() end",
		["coroutines that end at once in a coroutine"] =
			"coroutine.wrap(function() while true do coroutine.wrap(string.rep)('x', 9) end end)()",
		["a loop in what coroutine.close runs"] = [[
			local co = coroutine.create(function()
				local x <close> = setmetatable({}, { __close = function() while true do end end })
				coroutine.yield()
			end)
			coroutine.resume(co)
			assert(coroutine.close(co))]],
		["a wait"] = "require 'netns.core'.sleep(30)",
		["a wait in a coroutine"] = "coroutine.wrap(function() require 'netns.core'.sleep(30) end)()",
	}
	for name, code in pairs(loops) do
		it("ends " .. name, function()
			local start = os.time()
			local r = interrupt(go .. code, "kill -INT $pid")
			assert.equal(name:find "in a coroutine in a coroutine" and "x" or "interrupted!",
				r.err:match("interrupted!") or r.err:match("x\n") and "x" or r.err)
			assert.equal(1, r.code)
			assert.is_true(os.time() - start < 15)
		end)
	end

	it("is caught once, and leaves no hook behind", function()
		local r = interrupt(go .. [[
			local co = coroutine.create(function() while true do end end)
			print(select(2, coroutine.resume(co)))
			print(debug.gethook(co), debug.gethook())
			for i = 1, 1e5 do end
			print(coroutine.resume(coroutine.create(function() for i = 1, 1e5 do end return 'fine' end)))
		]], "kill -INT $pid")
		assert.matches("^go\n[^\n]*interrupted!\nnil\tnil\ntrue\tfine\n$", r.out)
		assert.equal(0, r.code)
	end)

	it("arrives once when the whole process group gets it", function()
		local r = interrupt(go .. [[
			print((pcall(function() while true do end end)))
			require 'netns.core'.sleep(0.3)
			print 'alive'
		]], "kill -INT -$pid")
		assert.equal("go\nfalse\nalive\n", r.out)
		assert.equal(0, r.code)
	end)

	it("kills the second time", function()
		local r = interrupt(go .. "while true do pcall(function() while true do end end) end",
			"kill -INT $pid; sleep 0.3; kill -INT $pid")
		assert.equal(130, r.code)
	end)

	it("is nothing to who ignores it", function()
		write("code.lua", "print 'done'")
		local r = run("sh", { "-c",
			[[trap '' INT; "$1" -e 'os.execute "kill -INT $PPID" print "done"']], "sh", NSLUA })
		assert.equal("done\n", r.out)
		assert.equal(0, r.code)
	end)
end)

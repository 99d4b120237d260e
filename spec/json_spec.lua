-- SPDX-License-Identifier: MIT
-- json_spec.lua - JSON text to Lua values and back

local json = require "netns.json"

local function refused(what, f, ...)
	local ok, e = pcall(f, ...)
	assert.is_false(ok)
	assert.equal("EINVAL", e.code)
	assert.truthy(tostring(e):find(what, 1, true), tostring(e))
end

describe("json.decode", function()
	it("reads every kind of value", function()
		assert.same({ a = { 1, 2.5, "x", true, false }, b = {} },
			json.decode [[ { "a" : [1, 2.5, "x", true, false] , "b":{} } ]])
		assert.equal(json.null, json.decode "null")
		assert.equal("", json.decode '""')
	end)

	it("keeps integers and floats apart", function()
		assert.equal("integer", math.type(json.decode "9223372036854775807"))
		assert.equal("integer", math.type(json.decode "-0"))
		assert.equal("float", math.type(json.decode "1.0"))
		assert.equal(1e20, json.decode "100000000000000000000")
		assert.equal(-1.5e-3, json.decode "-1.5E-3")
	end)

	it("reads escapes and surrogate pairs", function()
		local text = [["a\"\\\/\b\f\n\r\t\u00e4\u20AC\ud83d\ude00]] .. "\127\""
		assert.equal("a\"\\/\b\f\n\r\tä€😀\127", json.decode(text))
		assert.equal("\0", json.decode [["\u0000"]])
	end)

	it("says where the text is wrong", function()
		for text, why in pairs {
			[""] = "line 1 column 1: a value expected";
			["[1,\n 2"] = "line 2 column 3: ',' or ']' expected";
			["[1,]"] = "column 4: a value expected";
			["{\"a\":1,}"] = "a key in quotes expected";
			["{a:1}"] = "a key in quotes expected";
			["{\"a\" 1}"] = "':' expected";
			["{\"a\":1"] = "',' or '}' expected";
			["01"] = "a value expected";
			["0x10"] = "more text after the value";
			["1."] = "more text after the value";
			["1e"] = "more text after the value";
			["+1"] = "a value expected";
			["nan"] = "a value expected";
			["True"] = "a value expected";
			["nullx"] = "a value expected";
			["\"abc"] = "the string does not end";
			["\"a\nb\""] = "a control character in a string";
			["\"\\x\""] = "unknown escape";
			["\"\\u12g4\""] = "four hexadecimal digits expected";
			["\"\\ud800\""] = "half of a surrogate pair";
			["\"\\udc00\\ud800\""] = "half of a surrogate pair";
			["\"\\ud800\\u0041\""] = "half of a surrogate pair";
			["\"\xff\""] = "not UTF-8";
			["1 2"] = "more text after the value";
		} do
			refused(why, json.decode, text)
		end
		refused("string expected, got nil", json.decode, nil)
	end)

	it("refuses deep nesting instead of overflowing the stack", function()
		assert.equal("table", type(json.decode(("["):rep(150) .. ("]"):rep(150))))
		refused("nested too deep", json.decode, ("["):rep(100000))
	end)
end)

describe("json.encode", function()
	it("writes keys in order and everything on one line", function()
		assert.equal([[{"a":[1,2.5,"x",true,null],"b":{},"c":[]}]],
			json.encode { c = json.array {}, b = {}, a = { 1, 2.5, "x", true, json.null } })
	end)

	it("indents", function()
		assert.equal("{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}",
			json.encode({ a = { 1, 2 }, b = {} }, "  "))
	end)

	it("escapes what must be escaped", function()
		assert.equal([["\"\\\n\r\t\u0000\u001f\u007fä"]], json.encode "\"\\\n\r\t\0\31\127ä")
	end)

	it("gives back what was decoded", function()
		for _, text in ipairs {
			"[]", "{}", "[[],{}]", "1", "-5", "1.0", "0.1", "1e+300", "3.1415926535897931",
			"\"x\"", "[null,true]", [[{"a":{"b":[1,{"c":null}]}}]],
			"-9223372036854775808",
		} do
			assert.equal(text, json.encode(json.decode(text)))
		end
	end)

	it("refuses what JSON cannot say", function()
		local loop = {}
		loop.loop = loop
		refused("a cycle", json.encode, loop)
		refused("not UTF-8", json.encode, "\xff")
		refused("no number for", json.encode, 0 / 0)
		refused("no number for", json.encode, -math.huge)
		refused("neither an array nor an object", json.encode, { 1, a = 2 })
		refused("must be a string", json.encode, { [true] = 1 })
		refused("of type function", json.encode, { print })
		refused("of type nil", json.encode, nil)
	end)

	it("calls no metamethods", function()
		local trap = setmetatable({ "x" }, { __index = error, __len = error, __pairs = error })
		assert.equal([=[["x"]]=], json.encode(trap))
	end)
end)

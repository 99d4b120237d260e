-- SPDX-License-Identifier: MIT
-- pcap.lua - what stands in a file, by pcap-savefile(5)
local assert = require "luassert"
local support = require "spec.support"

-- An array of { sec, nsec, captured, length, bytes } with the file's snaplen and link.
return function(path)
	local text = support.read(path)
	local magic, major, minor, _, _, snaplen, link, at = ("I4I2I2I4I4I4I4"):unpack(text)
	assert.same({ 0xa1b23c4d, 2, 4 }, { magic, major, minor })
	local frames = { snaplen = snaplen, link = link }
	while at <= #text do
		local frame = {}
		frame.sec, frame.nsec, frame.captured, frame.length, at = ("I4I4I4I4"):unpack(text, at)
		frame.bytes = text:sub(at, at + frame.captured - 1)
		assert.equal(frame.captured, #frame.bytes)
		at = at + frame.captured
		frames[#frames + 1] = frame
	end
	return frames
end

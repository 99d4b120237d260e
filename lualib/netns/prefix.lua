-- SPDX-License-Identifier: MIT
-- netns.prefix - IPv4 and IPv6 prefixes as numbers: parsing, printing, counting
--
-- A prefix is { family, length, bits, hi, lo }: the address as given (host bits included) in two
-- 64-bit halves, of which IPv4 uses the lower 32 bits of `lo`. Halves are compared unsigned.

local prefix_methods = {}
local prefix_mt = { __name = "netns.prefix", __index = prefix_methods }

local function make(family, hi, lo, length)
	local bits = family == "inet" and 32 or 128
	return setmetatable({ family = family, bits = bits, hi = hi, lo = lo, length = length },
		prefix_mt)
end

local function parse_inet(text)
	local lo, n = 0, 0
	for part in (text .. "."):gmatch("(%d*)%.") do
		local byte = #part <= 3 and not part:find("^0%d") and tonumber(part)
		if not byte or byte > 255 then
			return nil
		end
		lo, n = lo << 8 | byte, n + 1
	end
	return n == 4 and text:find("^[%d.]+$") and lo or nil
end

--- The 16-bit groups of "a:b:c"; nil where one is none.
local function groups(text)
	local list = {}
	if text == "" then
		return list
	end
	for part in (text .. ":"):gmatch("([^:]*):") do
		if not part:find("^%x%x?%x?%x?$") then
			return nil
		end
		list[#list + 1] = tonumber(part, 16)
	end
	return list
end

local function parse_inet6(text)
	local head, tail = text:match("^(.-)::(.*)$")
	local left, right = groups(head or text), groups(tail or "")
	if not left or not right then
		return nil
	end
	local missing = 8 - #left - #right
	if (head and missing < 1) or (not head and missing ~= 0) then
		return nil
	end
	for _ = 1, missing do
		left[#left + 1] = 0
	end
	table.move(right, 1, #right, #left + 1, left)
	local hi, lo = 0, 0
	for i = 1, 4 do
		hi, lo = hi << 16 | left[i], lo << 16 | left[i + 4]
	end
	return hi, lo
end

--- The prefix that a text means; an address alone has the length of a host. nil for what is none.
local function parse(text)
	if type(text) ~= "string" then
		return nil
	end
	local address, length = text:match("^([%x:.]+)/(%d%d?%d?)$")
	address = address or text
	local family = address:find(":", 1, true) and "inet6" or "inet"
	local hi, lo
	if family == "inet" then
		hi, lo = 0, parse_inet(address)
	else
		hi, lo = parse_inet6(address)
	end
	local bits = family == "inet" and 32 or 128
	length = length and tonumber(length) or bits
	if not lo or length > bits then
		return nil
	end
	return make(family, hi, lo, length)
end

--- The two halves of the mask of `length` of `bits` bits.
local function mask(bits, length)
	local function half(n)
		return n <= 0 and 0 or n >= 64 and -1 or ~((1 << (64 - n)) - 1)
	end
	if bits == 32 then
		return 0, length == 0 and 0 or (0xffffffff << (32 - length)) & 0xffffffff
	end
	return half(length), half(length - 64)
end

--- The prefix with no host bits set.
function prefix_methods:network()
	local hi, lo = mask(self.bits, self.length)
	return make(self.family, self.hi & hi, self.lo & lo, self.length)
end

function prefix_methods:has_host_bits()
	local hi, lo = mask(self.bits, self.length)
	return self.hi & ~hi ~= 0 or self.lo & ~lo & (self.bits == 32 and 0xffffffff or -1) ~= 0
end

--- Is `other` (a prefix or an address) inside?
function prefix_methods:contains(other)
	local hi, lo = mask(self.bits, self.length)
	return self.family == other.family and other.length >= self.length
		and self.hi & hi == other.hi & hi and self.lo & lo == other.lo & lo
end

function prefix_methods:overlaps(other)
	return self:contains(other) or other:contains(self)
end

--- The address `n` above this one (n may be negative), as a host.
function prefix_methods:plus(n)
	local lo = self.lo + n
	local hi = self.hi
	if self.bits == 128 then
		if n >= 0 and math.ult(lo, self.lo) then
			hi = hi + 1
		elseif n < 0 and math.ult(self.lo, lo) then
			hi = hi - 1
		end
	end
	return make(self.family, hi, lo, self.bits)
end

--- The last address in it, as a host.
function prefix_methods:last()
	local hi, lo = mask(self.bits, self.length)
	return make(self.family, self.hi | ~hi & (self.bits == 32 and 0 or -1),
		self.lo | ~lo & (self.bits == 32 and 0xffffffff or -1), self.bits)
end

--- The next prefix of the same length; nil behind the last one.
function prefix_methods:next()
	local after = self:last():plus(1)
	if self.bits == 32 and after.lo > 0xffffffff or after.hi == 0 and after.lo == 0 then
		return nil
	end
	return make(self.family, after.hi, after.lo, self.length)
end

--- This address with another length.
function prefix_methods:with(length)
	local other = make(self.family, self.hi, self.lo, length)
	other.text = self.text
	return other
end

--- The link-local address with the same interface identifier.
function prefix_methods:link_local()
	return make("inet6", 0xfe80 << 48, self.lo, 64)
end

--- How many addresses a host can have in it, at most 2^31.
function prefix_methods:hosts()
	local free = self.bits - self.length
	if free >= 31 then
		return 1 << 31
	end
	return free <= 1 and 1 << free or (1 << free) - 2
end

local function inet_text(lo)
	return ("%d.%d.%d.%d"):format(lo >> 24 & 255, lo >> 16 & 255, lo >> 8 & 255, lo & 255)
end

--- RFC 5952: the longest run of two or more zero groups is "::", the first of equals.
local function inet6_text(hi, lo)
	local list, at, longest = {}, nil, 1
	for i = 1, 4 do
		list[i], list[i + 4] = hi >> (64 - 16 * i) & 0xffff, lo >> (64 - 16 * i) & 0xffff
	end
	local run = 0
	for i = 1, 9 do
		if list[i] == 0 then
			run = run + 1
		else
			if run > longest then
				at, longest = i - run, run
			end
			run = 0
		end
	end
	for i = 1, 8 do
		list[i] = ("%x"):format(list[i])
	end
	if not at then
		return table.concat(list, ":")
	end
	return table.concat(list, ":", 1, at - 1) .. "::" .. table.concat(list, ":", at + longest)
end

--- The address alone; kept, for an address is asked for often and never changes.
function prefix_methods:address()
	local text = self.text
	if not text then
		text = self.family == "inet" and inet_text(self.lo) or inet6_text(self.hi, self.lo)
		self.text = text
	end
	return text
end

function prefix_mt:__tostring()
	return self:address() .. "/" .. self.length
end

function prefix_mt.__eq(a, b)
	return a.family == b.family and a.length == b.length and a.hi == b.hi and a.lo == b.lo
end

return { parse = parse }

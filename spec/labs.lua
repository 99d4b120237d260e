-- SPDX-License-Identifier: MIT
-- labs.lua - labs that several specs build on
local lab = require "netns.lab"

local labs = {}

--- Up: web and www on a switch with r1, db behind r1 and r2.
function labs.line()
	local net = lab.new "line"
	net:hosts { "web", "www", "db" }
	net:routers("r", 2)
	net:switch "lan"
	net:link({ "web", "www", "r1" }, "lan")
	net:link("r1", "r2")
	net:link("db", "r2")
	net:up()
	return net
end

return labs

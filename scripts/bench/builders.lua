-- SPDX-License-Identifier: MIT
-- builders.lua - a star of hosts, beside what others build it with, as their documentation shows it
--
-- Each gives a host an IPv4 and an IPv6 address (Mininet: IPv4 alone), brings everything up, and
-- waits for nothing; ours is usable when its time ends. Each is a process in a sandbox of its own
-- and counts its own time, without its start and its imports.
local lab = require "netns.lab"
local netns = require "netns"

local nslua = ...
local here = netns.current()
local others = loadfile "scripts/bench/others.lua" ()

local bash = [[
now() { echo $((${EPOCHREALTIME/./} / 1000)); }
start=$(now)
ip link add br0 type bridge
ip link set br0 up
for ((i = 1; i <= $1; i++)); do
	ip netns add h$i
	ip link add v$i type veth peer name eth0 netns h$i
	ip link set v$i master br0
	ip link set v$i up
	ip -n h$i link set lo up
	ip -n h$i link set eth0 up
	ip -n h$i addr add 10.0.$((i >> 8)).$((i & 255))/16 dev eth0
	ip -n h$i addr add fd00::$(printf %x $i)/64 dev eth0
done
echo $(($(now) - start))
]]

-- One batch for what is outside, one for the inside of each namespace.
local batch = [[
now() { echo $((${EPOCHREALTIME/./} / 1000)); }
start=$(now)
{
	echo "link add br0 type bridge"
	echo "link set br0 up"
	for ((i = 1; i <= $1; i++)); do
		echo "netns add h$i"
		echo "link add v$i type veth peer name eth0 netns h$i"
		echo "link set v$i master br0"
		echo "link set v$i up"
	done
} | ip -batch -
for ((i = 1; i <= $1; i++)); do
	ip -n h$i -batch - <<-END
		link set lo up
		link set eth0 up
		addr add 10.0.$((i >> 8)).$((i & 255))/16 dev eth0
		addr add fd00::$(printf %x $i)/64 dev eth0
	END
done
echo $(($(now) - start))
]]

local pyroute2 = [[
import sys, time
from pyroute2 import IPRoute, NetNS
start = time.monotonic()
ipr = IPRoute()
ipr.link("add", ifname="br0", kind="bridge")
bridge = ipr.link_lookup(ifname="br0")[0]
ipr.link("set", index=bridge, state="up")
for i in range(1, int(sys.argv[1]) + 1):
    name = "h%d" % i
    with NetNS(name) as ns:
        ipr.link("add", ifname="v%d" % i, kind="veth", peer={"ifname": "eth0", "net_ns_fd": name})
        ipr.link("set", index=ipr.link_lookup(ifname="v%d" % i)[0], master=bridge, state="up")
        ns.link("set", index=ns.link_lookup(ifname="lo")[0], state="up")
        eth0 = ns.link_lookup(ifname="eth0")[0]
        ns.link("set", index=eth0, state="up")
        ns.addr("add", index=eth0, address="10.0.%d.%d" % (i >> 8, i & 255), prefixlen=16)
        ns.addr("add", index=eth0, address="fd00::%x" % i, prefixlen=64)
print((time.monotonic() - start) * 1000)
]]

-- Else it would change sysctls of the machine. What is left ends with the sandbox.
local mininet = [[
import os, sys, time
from mininet.net import Mininet
from mininet.nodelib import LinuxBridge
from mininet.topo import SingleSwitchTopo
Mininet.inited = True
start = time.monotonic()
net = Mininet(topo=SingleSwitchTopo(k=int(sys.argv[1])), switch=LinuxBridge, controller=None)
net.start()
print((time.monotonic() - start) * 1000, flush=True)
os._exit(0)
]]

local function ours(size)
	local start = netns.clock()
	local net <close> = lab.star(size)
	net:up()
	return (netns.clock() - start) * 1000
end

-- A row's other side: a command in a sandbox of its own, below this one, that prints milliseconds.
local function theirs(...)
	local argv = { nslua, "-", ... }
	return function(size)
		local command = { check = false, table.unpack(argv) }
		command.stdin = [[
			local r = require "netns".current():exec { check = false, table.unpack(arg) }
			io.write(r.stdout)
			io.stderr:write(r.stderr)
			os.exit(r.code or 1)]]
		table.insert(command, tostring(size))
		local r = here:exec(command)
		return tonumber(r.stdout) or error(r.stdout .. r.stderr, 0)
	end
end

local no_ip = others.lacks("ip (iproute2)", { "ip", "-V" })
local python, no_pyroute2 = others.python "pyroute2"
local mininet_python, no_mininet = others.mininet()

return {
	{ name = "star of %d hosts, beside bash and ip", size = 100, small = 2, faster = 20, ours = ours,
		floor = theirs("bash", "-ec", bash, "bash"), skip = no_ip },
	{ name = "star of %d hosts, beside ip -batch", size = 100, small = 2, faster = 4, ours = ours,
		floor = theirs("bash", "-ec", batch, "bash"), skip = no_ip },
	{ name = "star of %d hosts, beside pyroute2", size = 100, small = 2, faster = 9, ours = ours,
		floor = theirs(python, "-c", pyroute2), skip = no_pyroute2 },
	{ name = "star of %d hosts, beside Mininet", size = 100, small = 2, faster = 30, ours = ours,
		floor = theirs(mininet_python, "-c", mininet), skip = no_mininet },
	{ name = "star of %d hosts, beside ip -batch", size = 1000, small = 2, faster = 12, ours = ours,
		floor = theirs("bash", "-ec", batch, "bash"), skip = no_ip },
}

-- SPDX-License-Identifier: MIT
---@meta netns.lab

-- Labs: `require "netns.lab"`. A topology is described, planned and built; then policies are proved on it. Words are those of ip-link(8)
-- and tc-netem(8) where they have one.

---What a node is told.
---@class netns.lab.NodeOptions
---@field sysctl? table<string, string|number> settings below `net.`, under both spellings of sysctl(8)
---@field nft? string a ruleset (nft(8)) that is loaded when the node is up
---@field exec? netns.lab.Command|netns.lab.Command[] programs that run in the node while the lab is up
---@field mac? string of the node's first cable
---@field mtu? integer bytes, of all its cables that say none
---@field stopped? boolean its cables are down and its commands do not run
---@field [string] netns.NoSuchField

---A program of a node: as `ns:spawn` takes it (so its output goes where the script's goes, unless `stdout` and `stderr` say otherwise, and
---its stdin is /dev/null), and how it says that it is ready.
---@class netns.lab.Command : netns.process.Spec
---@field ready? string "tcp/80", "udp/53" (somebody listens there), or a pattern that its captured output matches; within 30 s

---What a cable is told. Where a pair of values is asked for, the first is for the first end.
---@class netns.lab.LinkOptions
---@field subnet? string|string[]|false prefixes of the segment that the cable belongs to, one a family; false: no addresses
---@field addresses? (string|string[])[] of each end; without prefix length it is the subnet's
---@field names? (string|false)[] of the interfaces; else eth0, eth1 ... and on a switch the peer's name
---@field macs? (string|false)[]
---@field mtu? integer bytes, 68 to 65535; from 1280 where there is IPv6
---@field vlan? integer 1 to 4094, of a switch's port: what hangs on it shares a segment with the others of its VLAN alone, also across switches that are joined (their cables carry all VLANs, with tags). Ports without are in VLAN 1. EOPNOTSUPP where the kernel's bridges have no VLANs
---@field up? boolean false: unplugged
---@field delay? number|string seconds, or "5ms": at both ends, each for what it sends
---@field jitter? number|string of the delay
---@field loss? number|string a fraction, or "1%"
---@field rate? number|string bits a second, or "100mbit"
---@field reorder? number|string a fraction or percentage that overtakes the delayed ones
---@field duplicate? number|string a fraction or percentage
---@field corrupt? number|string a fraction or percentage
---@field [string] netns.NoSuchField

---A lab as plain data, as `lab.new` takes it.
---@class netns.lab.Given
---@field name? string
---@field pools? table<"inet"|"inet6", string|false> where subnets come from: "10.0.0.0/8" and "fd00::/48" unless given; false: none
---@field nodes? netns.lab.NodeDescription[] in the order in which they were described
---@field links? netns.lab.LinkDescription[]
---@field [string] netns.NoSuchField

---Likewise, as `lab:describe()` gives it.
---@class netns.lab.Description : netns.lab.Given
---@field nodes netns.lab.NodeDescription[]
---@field links netns.lab.LinkDescription[]

---A node as data, with its options.
---@class netns.lab.NodeDescription : netns.lab.NodeOptions
---@field name string
---@field kind "host"|"router"|"switch"|"internet"
---@field from? string the line that asked for it: "dmz.lua:12"

---A cable as data, `{ first, second }` with its options.
---@class netns.lab.LinkDescription : netns.lab.LinkOptions
---@field [1] string a node's name
---@field [2] string
---@field from? string

---A node: while the lab is up, a namespace, with all of a namespace's fields and methods, and accepted wherever one is; else these raise
---ENOTCONN: "lab is not up", or "described, but not built yet", when it was added to a lab that is up.
---@class netns.lab.Node : netns.ns
---@field name string
---@field kind "host"|"router"|"switch"|"internet"
local node = {}

---Its first address, or the one on the segment where `on` is; without prefix length. nil when it has none. Answers before the lab is up,
---too.
---@param family? "inet"|"inet6"
---@param on? netns.lab.Node|string a node that is on the same segment, or the peer of the cable
---@return string?
function node:address(family, on) end

---@class netns.lab.UpOptions
---@field named? boolean|string nodes bear their names in /run/netns, behind this prefix if it is a string
---@field routing? "static"|"none" routes by the shortest path (the default), or none
---@field [string] netns.NoSuchField

---@class netns.Lab
---@field description netns.lab.Description
---@field nodes table<string, netns.lab.Node>
local this = {}

---A node with an address on each of its cables. Every node needs one: `lab:up` refuses a node that is connected to nothing, unless it is
---the lab's only one. The namespace bears the node's name in errors.
---@param name string letters, digits, "_" and "-", up to 63
---@param options? netns.lab.NodeOptions
---@return netns.lab.Node
function this:host(name, options) end

---A node that forwards; other nodes' routes lead through it.
---@param name string
---@param options? netns.lab.NodeOptions
---@return netns.lab.Node
function this:router(name, options) end

---A namespace with a bridge: what hangs on it is one segment, with what hangs on switches that it is linked to.
---@param name string
---@param options? netns.lab.NodeOptions
---@return netns.lab.Node
function this:switch(name, options) end

---A group: `hosts("h", 3)` is h1, h2, h3; `hosts { "a", "b" }` those names, with the options as second argument.
---@param names string|string[]
---@param count? integer|netns.lab.NodeOptions
---@param options? netns.lab.NodeOptions
---@return netns.lab.Node[]
function this:hosts(names, count, options) end

---@param names string|string[]
---@param count? integer|netns.lab.NodeOptions
---@param options? netns.lab.NodeOptions
---@return netns.lab.Node[]
function this:routers(names, count, options) end

---@param names string|string[]
---@param count? integer|netns.lab.NodeOptions
---@param options? netns.lab.NodeOptions
---@return netns.lab.Node[]
function this:switches(names, count, options) end

---A node that stands for the outside: it has addresses that nothing else has (203.0.113.1 and 2001:db8::1, RFC 5737 and RFC 3849), and
---every node's default route leads to it through the routers that do.
---@param name? string "internet"
---@param options? netns.lab.NodeOptions
---@return netns.lab.Node
function this:internet(name, options) end

---A cable. One side may be an array: then one from each.
---@param a netns.lab.Node|string|(netns.lab.Node|string)[]
---@param b netns.lab.Node|string|(netns.lab.Node|string)[]
---@param options? netns.lab.LinkOptions
function this:link(a, b, options) end

---A node by its name.
---@param name string
---@return netns.lab.Node node nil where the lab has none of that name
function this:node(name) end

---The description as it is now, a copy.
---@return netns.lab.Description
function this:describe() end

---What lab:up does, as operations in their order; nothing is touched. Raises EINVAL with all mistakes at once: `mistakes`, an array of
---`{ message, from }`.
---@param options? netns.lab.UpOptions `{ routing }`, as of lab:up
---@return netns.Operation[]
function this:plan(options) end

---The description completed: names, MACs, indexes, segments, subnets and addresses chosen. For those who draw or check labs.
---@param previous? table a layout whose choices are kept
---@param op? string what errors call it
---@return table
function this:layout(previous, op) end

---Likewise, of any description.
---@param description netns.lab.Description
---@param previous? table
---@param op? string
---@return table
function this:layout_of(description, previous, op) end

---An address of a node by its name (node:address).
---@param name string
---@param family? "inet"|"inet6"
---@param on? string
---@return string?
function this:address_of(name, family, on) end

---The same as a shell script of `ip`, `tc` and `nft`, under the nodes' names.
---@param options? netns.lab.UpOptions as of lab:plan
---@return string
function this:script(options) end

---A picture, by the end of the file's name: .dot, .mmd (Mermaid), .svg and .png (through Graphviz), .txt. Without a file it returns the
---last one, for a terminal. Raises ENOENT where Graphviz is missing.
---@param file? string
---@return string?
function this:draw(file) end

---Build it: all or nothing. Where it takes longer than a second, a terminal on stderr shows how far it is. The soft limit of open
---descriptors (getrlimit(2), RLIMIT_NOFILE) is raised where the lab needs more: three for each node.
--- Returns when it can be used: carrier, addresses in use, commands ready. A refusal leaves nothing, and its error
---has the `operation` and the script's line, `from`. Raises EOPNOTSUPP for what this kernel lacks, before anything is built; EALREADY.
---@param options? netns.lab.UpOptions
---@return netns.Lab
function this:up(options) end

---End its processes and give its namespaces up; again is nothing. Also `__close` and `__gc`.
function this:down() end

---Build what was added to a lab that is up (until then check, mutate and explain raise ENOTCONN), and more generally:
---make the lab what a description says (another lab's; its own if none is given), changing only what differs: unchanged cables carry
---traffic all the while, and keep names and addresses. On a refusal it is again as it was. A lab that is down takes the description over.
---@param description? netns.lab.Description|netns.Lab
---@return netns.Lab
function this:apply(description) end

---Change the cables between two nodes, such as `{ up = false }`; at once where the lab is up.
---@param a netns.lab.Node|string
---@param b netns.lab.Node|string
---@param options netns.lab.LinkOptions
function this:set(a, b, options) end

---Remove the cables between two nodes.
---@param a netns.lab.Node|string
---@param b netns.lab.Node|string
function this:unlink(a, b) end

---End a node's commands and take its cables down; its namespace stays.
---@param node netns.lab.Node|string
function this:stop(node) end

---Bring back what stop took away.
---@param node netns.lab.Node|string
function this:start(node) end

---An interactive shell in a node, on this terminal; returns its exit code.
---@param node netns.lab.Node|string
---@return integer
function this:shell(node) end

---Ask a truth table, all of it at once: see netns.proof.Row.
---@param rows netns.proof.Row[]
---@param options? netns.proof.CheckOptions
---@return netns.Report
function this:check(rows, options) end

---Likewise; raises (code "EXPECT", `report`) unless every row holds. With NSLUA_KEEP=1 in the environment, and on a terminal, it shows the
---report and opens a shell in the sender of the first row that does not hold, before it raises.
---@param rows netns.proof.Row[]
---@param options? netns.proof.CheckOptions
---@return netns.Report
function this:expect(rows, options) end

---Ask until every row holds, and once more whether it still does; the last report when the time runs out.
---@param rows netns.proof.Row[]
---@param timeout? number|string seconds; 10
---@return netns.Report
function this:eventually(rows, timeout) end

---One question for all pairs of hosts: `m.web.db` is a verdict's name; methods live on the metatable. `tostring` makes a table of it.
---@param what? string as of a row: "icmp", "tcp/PORT", "udp/PORT", "ethernet" ...
---@param family? "inet"|"inet6"
---@param options? netns.proof.CheckOptions
---@return table<string, table<string, netns.Verdict.Name>>
---@return netns.Report
function this:matrix(what, family, options) end

---Send one probe and watch every node: the packet's walk. Each node has an nftables table more while it is sent.
---@param from netns.lab.Node|string
---@param to netns.lab.Node|string
---@param what string "icmp", "tcp/PORT", "udp/PORT"
---@param family? "inet"|"inet6"
---@return netns.Walk
function this:explain(from, to, what, family) end

---Compute from the kernel's links, addresses and routes what each pair of hosts should see of each other, probe it, and tell where they
---disagree.
---@param what? string "icmp", "tcp/PORT", "udp/PORT": what is probed
---@param family? "inet"|"inet6"
---@return netns.Model
function this:model(what, family) end

---Take each firewall rule, policy, route and setting away once, in a fresh copy of the lab, and ask the table again: does some row notice?
---Raises (code "EXPECT") when the table does not hold in an unchanged copy.
---@param rows netns.proof.Row[]
---@param options? netns.mutation.Options
---@return netns.Mutation
function this:mutate(rows, options) end

local lab = {}

---A lab that is not up yet.
---@param given? string|netns.lab.Given its name, or all of it
---@return netns.Lab
function lab.new(given) end

---n hosts (h1 ...) on one switch.
---@param n integer
---@param options? string|netns.lab.Given
---@return netns.Lab
function lab.star(n, options) end

---n routers (r1 ...) one behind the other, and a host at each end.
---@param n integer
---@param options? string|netns.lab.Given
---@return netns.Lab
function lab.line(n, options) end

---n routers in a circle, each with a host.
---@param n integer
---@param options? string|netns.lab.Given
---@return netns.Lab
function lab.ring(n, options) end

---n routers, each with a cable to each other one, and with a host.
---@param n integer
---@param options? string|netns.lab.Given
---@return netns.Lab
function lab.mesh(n, options) end

---A tree of routers, `depth` levels, each with `fanout` below it; below the last ones, hosts.
---@param depth integer
---@param fanout integer
---@param options? string|netns.lab.Given
---@return netns.Lab
function lab.tree(depth, fanout, options) end

---Leaves with hosts on a switch of their own, each leaf with a cable to each spine.
---@param leaves integer
---@param spines integer
---@param hosts integer on each leaf
---@param options? string|netns.lab.Given
---@return netns.Lab
function lab.leaf_spine(leaves, spines, hosts, options) end

return lab

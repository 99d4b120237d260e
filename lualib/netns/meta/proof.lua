-- SPDX-License-Identifier: MIT
---@meta

-- Proof: truth tables, their reports, a packet's walk, mutation. All of it is reached through a lab.

---A row of a truth table: `{ from, to, what, expected, family }`. It holds when every probe that it stands for has an expected verdict.
---Positions: 1 and 2 a node, its name, an array of them, or "*" (all hosts, and the outside); 3 "icmp", "tcp/PORT", "udp/PORT", an array
---of them, or "*" (icmp and every port that the table names), or what needs no router: "arp", "nd" (is the address asked for there, and answered?
---arp(7), RFC 4861), "multicast" (to all hosts: 224.0.0.1, ff02::1), "ethernet" (a frame of type 0x88b5 to its MAC; `family` is then "link", `addr`
---the MAC). These leave by each link of the sender, and each link of the receiver is watched, before any rule of the receiver's own; 4 "isolated", a verdict's name, or an array of them.
---A row that expects isolation is asked of every address of the target. Without `family` it is asked in those in which both ends have an
---address (a row that expects isolation also counts those that only the target has); if there is none it is `inconclusive`.
---"isolated" is each verdict that is isolation; `link_down` only where the sender was seen to reach somebody else in the same run (a cable that
---fell out proves nothing; a row that means it says "link_down"). An isolated verdict is `inconclusive` where the sender is connected to that
---address and port already (tcp, udp): a rule that stops new packets does not stop that one.
---A port is listened on where nobody has it, unless some row expects that port to be `refused`.
---@class netns.proof.Row
---@field [1] netns.proof.Ends from
---@field [2] netns.proof.Ends to
---@field [3] string|string[] what
---@field [4] netns.proof.Expected|netns.proof.Expected[]
---@field family? "inet"|"inet6"
---@field size? integer bytes of the IP packet, 64 to 9216, of icmp and udp: do packets of this length get there in one piece? A row that expects isolation is asked of short ones, too
---@field [string] netns.NoSuchField

---@alias netns.proof.Ends netns.lab.Node|string|(netns.lab.Node|string)[]

---@alias netns.proof.Expected netns.Verdict.Name|"isolated"

---@class netns.proof.CheckOptions
---@field explain? "failed"|"all"|"none" of which silences it is found out where they began: of up to eight that a row did not expect, of all, or of none
---@field neighbours? "asked"|"known" "known": for crowds, of which all pairs are half a million frames of ARP. Each end is told beforehand, by permanent entries (ip-neighbour(8)) that are taken back afterwards, the link-layer addresses of those on its segment whom it asks or who ask it, as their kernels have them; what it knows already stays. Then nobody asks by ARP or neighbour discovery, so what stops those is not seen, `no_neighbour` becomes `dropped` or even `open`, and the report says that it was asked so
---@field [string] netns.NoSuchField

---One probe of a row. A `dropped` has a control: its sender was seen to reach a neighbour in the same run; without it the verdict is
---`inconclusive`.
---@class netns.proof.Answer : netns.Verdict
---@field from string
---@field to string
---@field what string
---@field family "inet"|"inet6"|"link"
---@field addr string which of the target's addresses
---@field control? table of a silence: `{ sender, neighbour, addr }`
---@field at? netns.walk.End of a silence: where it began

---@class netns.report.Entry
---@field ok boolean
---@field index integer which row, from 1
---@field where? string the line of the script that asked the table, "dmz.lua:31"; rows have no lines of their own
---@field row netns.proof.Row
---@field verdict netns.Verdict.Name the one that decided
---@field verdicts netns.proof.Answer[]
---@field why string

---What a table came to: an array of entries in the order of the rows. `tostring` is `text()`.
---@class netns.Report
---@field [integer] netns.report.Entry
---@field ok boolean every row holds
---@field about table `{ name, time, seconds, layout, neighbours }`
local report = {}

---A line for each row with its number, and of those that do not hold the script's line and the reasons.
---@param colour? boolean without it: where our standard output is a terminal, and NO_COLOR is not set; `tostring` has none
---@return string
function report:text(colour) end

---How many rows do not hold, and their lines.
---@return string
function report:failures() end

---TAP version 13 (testanything.org).
---@return string
function report:tap() end

---All of it as plain tables, nodes by name.
---@return table
function report:data() end

---Likewise, as JSON.
---@return string
function report:json() end

---JUnit XML: a test case for each row, "#2 web -> db tcp/22 is isolated", whose output names row and line; one that is inconclusive is an error, not a failure.
---@return string
function report:junit() end

---One page with the topology, the rows with their evidence, and the matrix; it needs no other file.
---@param file? string without it the page is returned
---@return string?
function report:html(file) end

---@class netns.walk.Rule
---@field chain string "family table chain"
---@field handle? integer
---@field text? string
---@field verdict string "accept", "drop", "continue" ... (nft(8))
---@field policy? boolean it was the chain's policy
---@field counters? table `{ packets, bytes }`, where the rule counts

---@class netns.walk.Hop
---@field node string
---@field iif? string the interface that it came in by
---@field oif? string the one that it left by
---@field ttl? integer as it came in
---@field src? string its source address as it came in
---@field route? table what this node's kernel would do: `{ dst, via, dev, type, src }`, or `{ error }`
---@field rules netns.walk.Rule[] those it met, in their order, where nftables tells

---@class netns.walk.End
---@field node string the last that saw it
---@field why string
---@field rule? netns.walk.Rule that stopped it

---A packet's walk; `tostring` is `text()`.
---@class netns.Walk
---@field from string
---@field to string
---@field what string
---@field family "inet"|"inet6"
---@field addr string
---@field verdict netns.Verdict
---@field hops netns.walk.Hop[]
---@field ended netns.walk.End
local walk = {}

---A line for each hop and each rule.
---@return string
function walk:text() end

---A pair of which model and reality differ.
---@class netns.model.Disagreement
---@field from string
---@field to string
---@field family "inet"|"inet6"
---@field addr string
---@field predicted netns.Verdict.Name
---@field verdict netns.Verdict.Name what was probed
---@field node string where the model's packet ended
---@field why? string why it ended there
---@field seen string the probe's sentence
---@field uncovered string[] on the model's way: "r1: firewall rules"

---What ought to be reachable beside what is. Computed from links and their carrier, bridges with isolated ports, addresses, routes of table main, forwarding
---and strict rp_filter (ip-sysctl); not from firewall and routing rules, several next hops of a route, VLANs, and links that are no cables of
---the lab. `tostring` is `text()`.
---@class netns.Model
---@field ok boolean nothing disagrees
---@field pairs integer how many were compared, each family for itself
---@field predicted table<string, table<string, table<"inet"|"inet6", netns.Verdict.Name>>> `predicted.web.db.inet`
---@field disagreements netns.model.Disagreement[]
---@field uncovered string[] what of this lab the model leaves out
local model = {}

---A line for each disagreement, and what the model covers.
---@return string
function model:text() end

---@class netns.mutation.Mutant
---@field node string
---@field what string "rule in inet f forward: tcp dport 22 drop", "route default via 10.0.0.254" ...
---@field why string

---@class netns.mutation.Options
---@field strict? boolean raise unless the result is `ok` (code "EXPECT", the survivors in the message, the result in `mutation`); uncaught, it ends nslua with status 1
---@field [string] netns.NoSuchField

---What mutation showed; `tostring` is `text()`.
---@class netns.Mutation
---@field ok boolean none survived, and some were killed: a table that kills nothing proves nothing
---@field survived netns.mutation.Mutant[] no row noticed
---@field killed netns.mutation.Mutant[]
---@field void netns.mutation.Mutant[] could not be made
local mutation = {}

---A line for each mutant, and the sums.
---@return string
function mutation:text() end

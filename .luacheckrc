-- SPDX-License-Identifier: MIT
std = "lua54"
max_line_length = 100
include_files = {
	"lualib", "spec", "scripts/*.lua", "**/*.rockspec", ".luacheckrc", ".busted",
}
files["spec"] = { std = "+busted" }
files["**/*.rockspec"] = { std = "+rockspec" }

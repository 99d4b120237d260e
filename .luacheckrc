-- SPDX-License-Identifier: MIT
std = "lua54"
max_line_length = 100
include_files = {
	"lualib", "spec/**/*.lua", "scripts/**/*.lua", "**/*.rockspec", ".luacheckrc", ".busted",
}
files["spec"] = { std = "+busted" }
files["**/*.rockspec"] = { std = "+rockspec" }

-- The reference declares functions without body and use, with types that need their line.
files["lualib/netns/meta"] = { ignore = { "212", "241", "431" }, max_line_length = false }
-- Read by a language server, a mistake a line.
files["spec/luals"] = { ignore = { "512" }, max_line_length = false }

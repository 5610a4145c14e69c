"""The atomic steps, in Lua: each touches one slot only, so that a Cluster may spread the keys as it likes.

They are sent whole with EVAL, not by digest: they are a few lines, the server compiles each once, and there is
no second round trip, nor a half-done pipeline, when a server that was restarted does not know the digest.
"""

from __future__ import annotations

# A stored value is "<revision>:<sealed>". KEYS: it. ARGV: the revision to replace ("" for none), the new value,
# its life in milliseconds. Answers 1, or what stands there instead (nil for nothing).
# A client that lost the connection sends again: meeting its own value is success, not conflict.
SAVE = """
local stored = redis.call('GET', KEYS[1])
if stored == ARGV[2] then return 1 end
local seen = ''
if stored then seen = string.match(stored, '^(%d+):') or '?' end
if seen ~= ARGV[1] then return stored end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""

# KEYS: an index. ARGV: a member, the score it was met with, the score that it should have ("" for none).
# Leaves an entry alone that somebody else has put there since.
MEND = """
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not score or tonumber(score) ~= tonumber(ARGV[2]) then return 0 end
if ARGV[3] == '' then return redis.call('ZREM', KEYS[1], ARGV[1]) end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
return 1
"""

# KEYS: what is under way. ARGV: the claim that has to stand there still, the answer to keep in its place ("" to
# forget it), its life in milliseconds.
SETTLE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '' then return redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""

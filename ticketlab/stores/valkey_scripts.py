"""The scripts that the Valkey store has its server run; the server does nothing else while it runs one.

Numbers are written by `string.format("%.0f", n)`, since Lua itself would write large ones in powers of ten.
"""

from __future__ import annotations

from typing import Final

from ticketlab.stores.valkey_connection import ServerScript

TAKE: Final = ServerScript("""
local stock, sales = KEYS[1], KEYS[2]
local buyer, quantity, floor, ledger = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1', ARGV[4] == '1'
if floor and tonumber(redis.call('HGET', stock, 'remaining')) < quantity then
  return redis.call('HGET', stock, 'holds') == '' and 'sold out' or 'holds'
end
local remaining = redis.call('HINCRBY', stock, 'remaining', -quantity)
local issued = redis.call('HINCRBY', stock, 'issued', quantity)
redis.call('HINCRBY', stock, 'version', 1)
if ledger then
  local tickets = {}
  for ticket = issued - quantity + 1, issued do
    tickets[#tickets + 1] = string.format('%.0f', ticket)
  end
  local entry = '{"buyer": ' .. buyer .. ', "tickets": [' .. table.concat(tickets, ', ') .. '], "cancels": false}'
  redis.call('RPUSH', sales, entry)
end
return {issued, remaining}
""")
"""Takes tickets; with `floor`, only if as many are left. Returns the last ticket's number and what remains."""

CANCEL: Final = ServerScript("""
local remaining = redis.call('HINCRBY', KEYS[1], 'remaining', ARGV[1])
redis.call('HINCRBY', KEYS[1], 'version', 1)
if ARGV[2] ~= '' then
  redis.call('RPUSH', KEYS[2], ARGV[2])
end
return remaining
""")
"""Gives tickets back, and returns what remains."""

TAKE_LEASE: Final = ServerScript("""
local lease, tokens = KEYS[1], KEYS[2]
local now, ends, milliseconds = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local held = redis.call('GET', lease)
if held then
  local ending = string.match(held, ' (.*)')
  if ending == 'inf' or tonumber(ending) > now then
    return {0, ending}
  end
end
local token = redis.call('INCR', tokens)
local value = string.format('%.0f', token) .. ' ' .. ends
if milliseconds == '0' then
  redis.call('SET', lease, value)
else
  redis.call('SET', lease, value, 'NX', 'PX', milliseconds)
end
return {token, ends}
""")
"""Takes the lease if nobody has it, and numbers it; the value is its number and the time at which it ends."""

END_LEASE: Final = ServerScript("""
local held = redis.call('GET', KEYS[1])
if held and string.match(held, '^%d+') == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
""")
"""Deletes the lease if it has this number."""

_FENCE: Final = """
local token = tonumber(ARGV[1])
if token < tonumber(redis.call('GET', KEYS[1]) or '0') then
  return false
end
redis.call('SET', KEYS[1], ARGV[1])
"""

FENCED_READ: Final = ServerScript(_FENCE + "return redis.call('HMGET', KEYS[2], unpack(ARGV, 2))")
"""Reads a record, unless a newer token than this one has been seen."""

FENCED_WRITE: Final = ServerScript(
    _FENCE
    + """
redis.call('HSET', KEYS[2], unpack(ARGV, 3))
if ARGV[2] ~= '' then
  redis.call('RPUSH', KEYS[3], ARGV[2])
end
return 1
"""
)
"""Writes a record and, if there is one, an entry of the ledger, unless a newer token than this one has been seen."""

local function depth(n)
  if n == 0 then
    return string.rep("ab", 3)
  end
  return (depth(n - 1)) .. n
end
local words = {}
for i = 1, 5 do
  words[#words + 1] = depth(i)
end
print(table.concat(words, " "))

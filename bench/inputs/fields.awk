# Fields, associative arrays, string functions and arithmetic.
{
    sum[$3] += $2
    n[$3]++
    if ($4 ~ /^[a-f]+[0-9]/) letters++
    if (length($3) > 7) { gsub(/[aeiou]/, "*", $3); starred[$3] = NR }
    code = code substr($4, 1, 1)
    if (length(code) > 64) { last = toupper(code); code = "" }
    mean += ($2 - mean) / NR
}
END {
    for (name in sum) {
        average = sum[name] / n[name]
        if (average > best) { best = average; who = name }
        total += sum[name]
    }
    printf "%d lines, %d names, total %d, mean %.3f, best %s %.2f, %d with letters, %d starred, %s\n",
           NR, length(sum), total, mean, who, best, letters, length(starred), last
}

# Text processing: words counted, substituted, matched, sorted and printed.
use strict;
use warnings;

my (%count, %by_length, @long);
my ($lines, $vowels, $swapped) = (0, 0, 0);
while (my $line = <>) {
    chomp $line;
    $lines++;
    $vowels += ($line =~ tr/aeiou//);
    my @words = split /\W+/, lc $line;
    $count{$_}++ for @words;
    push @{ $by_length{ length $words[0] } }, $lines if @words;
    if ($line =~ /(\w+)et\s+(\w+)/) {
        $swapped++;
        (my $copy = $line) =~ s/(\w+) (\w+)/$2 $1/g;
        push @long, sprintf('%06d %s', $lines, substr($copy, 0, 40)) if length $copy > 70;
    }
}
my @top = (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count)[0 .. 19];
print "$lines lines, ", scalar(keys %count), " words, $vowels vowels, $swapped swapped\n";
print join(' ', map { "$_=$count{$_}" } @top), "\n";
print join(' ', map { "$_:" . scalar @{ $by_length{$_} } } sort { $a <=> $b } keys %by_length), "\n";
print "$_\n" for (sort { substr($a, 7) cmp substr($b, 7) } @long)[0 .. 9];

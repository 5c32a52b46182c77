// build: -O0 -g
// Sorts the sales of a week by amount and prints them with their total, before and behind. The totals differ.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sale {
  int number;
  long cents;
};

static struct sale sales[] = {
    {1, 1250}, {2, 399},  {3, 7800}, {4, 1499}, {5, 250},  {6, 3200},  {7, 899},   {8, 1099},
    {9, 4600}, {10, 575}, {11, 899}, {12, 2100}, {13, 60}, {14, 1875}, {15, 9900}, {16, 320},
};
enum { count = sizeof sales / sizeof sales[0] };

static struct sale merged[count];

long total(const struct sale* s, int n) {
  long sum = 0;
  for (int i = 0; i < n; i++) sum += s[i].cents;
  return sum;
}

// Makes one sorted range of two: [begin, middle) and [middle, end).
static void merge(struct sale* s, int begin, int middle, int end) {
  int left = begin, right = middle, to = begin;
  while (left < middle && right < end) {
    if (s[left].cents < s[right].cents) {
      merged[to++] = s[left++];
    } else if (s[left].cents > s[right].cents) {
      merged[to++] = s[right++];
    } else {
      merged[to++] = s[left++];
      right++;
    }
  }
  while (left < middle) merged[to++] = s[left++];
  while (right < end) merged[to++] = s[right++];
  memcpy(&s[begin], &merged[begin], (size_t)(end - begin) * sizeof *s);
}

static void sort(struct sale* s, int begin, int end) {
  if (end - begin < 2) return;
  const int middle = begin + (end - begin) / 2;
  sort(s, begin, middle);
  sort(s, middle, end);
  merge(s, begin, middle, end);
}

static void report(const char* title) {
  printf("%s:", title);
  for (int i = 0; i < count; i++) printf(" %ld", sales[i].cents);
  printf("\ntotal %ld\n", total(sales, count));
}

int main(void) {
  report("as they came");
  sort(sales, 0, count);
  report("by amount");
  return 0;
}

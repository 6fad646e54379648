// What the sanitizers are not to count as ours. Without them nobody calls these.

extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __tsan_default_options();

// libnftables 1.0.6 leaks a little each time when it lists a rule with a target of xtables, as the
// userspace netem's NFQUEUE is: what it allocates for a translation that it then gives up. It has
// no symbols, so nothing narrower than its name tells that apart from a context that we forget;
// those are owned by NftContext alone.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libnftables.so.1\n"
         "leak:xtables_malloc\n";
}

// A child that a test forks has the record of the test's threads and not the threads: it could
// never join them.
extern "C" const char* __tsan_default_options() {
  return "report_thread_leaks=0";
}

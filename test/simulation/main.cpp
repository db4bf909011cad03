#include "simulation/world.hpp"
#include <iostream>
#include <ctime>
#include <cstdlib>
using namespace simulation;
int main(int c, char** v) {
  const world_options* o = find_world(v[1]);
  std::uint64_t first = std::strtoull(v[2],0,10), n = std::strtoull(v[3],0,10);
  std::size_t keep = c > 4 ? std::strtoull(v[4],0,10) : 0;
  virtual_clock::present = time_point(std::chrono::hours(1));
  outcome sum; clock_t t0=clock(); std::size_t bad=0;
  for (auto s = first; s < first+n; ++s) {
    random_chooser r(s); trace t(keep);
    outcome x;
    { world w(*o, r, keep ? &t : nullptr); x = w.run(); }
    if (keep) t.write_text(std::cout);
    if (!x.judge.empty()) { std::cout << o->name << " seed " << s << ": " << x.judge << ": " << x.verdict << "\n"; ++bad;}
    sum.grants += x.grants; sum.failures += x.failures; sum.calls+=x.calls; sum.notices+=x.notices; sum.extensions+=x.extensions; sum.events+=x.events;
  }
  double cpu = double(clock()-t0)/CLOCKS_PER_SEC;
  std::cout << o->name << ": " << n << " seeds, " << bad << " bad, " << sum.grants << " grants, " << sum.failures << " failures, " << sum.calls << " calls, " << sum.notices << " notices, " << sum.extensions << " ext, " << sum.events << " events, " << cpu << " s, " << sum.grants/cpu << "/s\n";
}

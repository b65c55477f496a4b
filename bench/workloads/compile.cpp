// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
//
// What a program with one array costs to compile.
#include "../harness/check.hpp"
#include "../harness/compare.hpp"
#include "../harness/files.hpp"
#include "../harness/meter.hpp"
#include "workloads.hpp"

#include <sys/resource.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace bench {

namespace {

constexpr char const* numstore_main = R"(
int main() {
    numstore::database db("x.ns");
    auto a = db.open_or_create<float>("x");
    a.append({1.F, 2.F, 3.F});
    a.insert(1, {4.F});
    float sum = 0;
    for (auto const run : a.chunks())
        for (float const v : run)
            sum += v;
    return sum == 10.F ? 0 : 1;
}
)";
constexpr char const* header_only = "#include <numstore/numstore.hpp>\n";
constexpr char const* engine_elsewhere =
    "#include <numstore/instances.hpp>\n"
    "NUMSTORE_EXTERN_TEMPLATES(numstore::default_policies)\n";
constexpr char const* engine =
    "#include <numstore/instances.hpp>\n"
    "NUMSTORE_INSTANTIATE(numstore::default_policies)\n";
constexpr char const* vector_program = R"(
#include <fstream>
#include <vector>
int main() {
    std::vector<float> a{1.F, 2.F, 3.F};
    a.insert(a.begin() + 1, 4.F);
    float sum = 0;
    for (float const v : a)
        sum += v;
    std::ofstream("x.raw", std::ios::binary)
        .write(reinterpret_cast<char const*>(a.data()),
               static_cast<std::streamsize>(a.size() * sizeof(float)));
    return sum == 10.F ? 0 : 1;
}
)";

/// Of a file in the folder of the run.
std::string compiler(options const& o, std::string const& arguments) {
    return "cd '" + o.folder
           + "' && g++ -std=c++20 -O2 -I '" NUMSTORE_BENCH_INCLUDE "' "
           + arguments;
}

void write_source(options const& o, char const* name,
                  std::string const& text) {
    std::ofstream(o.folder + '/' + name) << text;
}

sample compile(options const& o, std::string const& program,
               std::string const& with = {}) {
    write_source(o, "program.cpp", program);
    std::string const command =
        compiler(o, "program.cpp " + with + " -o program && strip program");
    sample r;
    meter const m;
    check(std::system(command.c_str()) == 0, "compiling");
    r.figures[0] = m.seconds();
    rusage used{};
    check_errno(::getrusage(RUSAGE_CHILDREN, &used) == 0, "getrusage");
    r.figures[1] = static_cast<double>(used.ru_utime.tv_sec)
                   + static_cast<double>(used.ru_utime.tv_usec) / 1e6;
    r.figures[2] = static_cast<double>(
        std::filesystem::file_size(o.folder + "/program"));
    r.peak_bytes = static_cast<double>(used.ru_maxrss) * 1024;
    return r;
}

} // namespace

void run_compile(options const& o) {
    if (o.smoke) // takes longer than all else together
        return;
    write_source(o, "engine.cpp", engine);
    check(std::system(compiler(o, "-c engine.cpp").c_str()) == 0,
          "compiling the engine");
    compare(o,
            {"compile_one_array",
             {{"time", "s", false},
              {"processor", "s", false},
              {"program", "bytes", false}},
             "g++ -std=c++20 -O2, stripped"},
            {{"numstore",
              [&] {
                  return compile(o, std::string(header_only) + numstore_main);
              }},
             {"numstore, engine compiled before",
              [&] {
                  return compile(o,
                                 std::string(engine_elsewhere) + numstore_main,
                                 "engine.o");
              }},
             {"vector", [&] { return compile(o, vector_program); }}});
}

} // namespace bench

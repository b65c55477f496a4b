// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
//
// Weekly CO2 with weeks that have no value, read from CSV; nulls, texts,
// variants and a type of the program's own as elements; NumPy reads the result.
#include <numstore/io/files.hpp>
#include <numstore/numstore.hpp>

#include <boost/describe.hpp>

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <variant>

namespace ns = numstore;
namespace io = numstore::io;

namespace {

/// A day, stored as their number since 1970.
struct day {
    std::chrono::sys_days at{};
    friend bool operator==(day const&, day const&) = default;
};

day from_digits(std::int64_t yyyymmdd) {
    auto const n = static_cast<int>(yyyymmdd);
    return {std::chrono::year(n / 10000)
            / std::chrono::month(static_cast<unsigned>(n / 100 % 100))
            / std::chrono::day(static_cast<unsigned>(n % 100))};
}

void expect(bool good, char const* what) {
    if (good)
        return;
    std::fprintf(stderr, "not as expected: %s\n", what);
    std::exit(1);
}

} // namespace

template <>
struct numstore::element_traits<day> {
    using stored_type = std::int32_t;
    static std::int32_t store(day const& d) {
        return static_cast<std::int32_t>(d.at.time_since_epoch().count());
    }
    static day load(std::int32_t n) {
        return {std::chrono::sys_days(std::chrono::days(n))};
    }
};

namespace {

/// As the file has it.
struct raw_week {
    std::int64_t date = 0;
    ns::nullable<double> co2;
};
BOOST_DESCRIBE_STRUCT(raw_week, (), (date, co2))

/// As the program wants it.
struct week {
    day date;
    ns::nullable<float> ppm;
    std::variant<bool, ns::tiny_text<30>> remark;
};
BOOST_DESCRIBE_STRUCT(week, (), (date, ppm, remark))

} // namespace

int main(int count, char** arguments) {
    std::string const data = count > 1 ? arguments[1] : "example/data";
    ::unlink("cells.ns");
    ns::database db("cells.ns");

    io::import_csv(db, "file", data + "/co2.csv");
    auto const file = db.open<raw_week>("file");
    std::printf("%s: %llu weeks\n", db.open_any("file").info().name.c_str(),
                static_cast<unsigned long long>(file.size()));

    auto weeks = db.create<week>("weeks");
    db.transact([&](ns::transaction& tx) {
        auto inside = weeks.in(tx);
        for (raw_week const w : file.view()) {
            week next{from_digits(w.date), ns::null, false};
            if (w.co2)
                next.ppm = static_cast<float>(*w.co2);
            else
                next.remark = ns::tiny_text<30>("no measurement");
            inside.push_back(next);
        }
    });

    int gaps = 0;
    for (week const w : weeks.view())
        gaps += w.ppm.is_null() ? 1 : 0;
    auto const any = db.open_any("weeks");
    std::printf("%s\n%d weeks without a value, such as %s\n",
                any.type().to_string().c_str(), gaps, any.to_string(5).c_str());
    expect(gaps == 59 && weeks.size() == 2284, "the gaps");
    expect(weeks[0].date == from_digits(19580329), "the first day");

    io::export_npy(file, "co2.npy"); // fields date, co2.value, co2.state
    io::import_npy(db, "again", "co2.npy");
    expect(db.open_any("again").size() == file.size(), "the NumPy file");
    io::export_csv(file, "co2.csv");
    io::import_csv(db, "csv", "co2.csv", ns::element_type_of<raw_week>());
    expect(db.open_any("csv").read() == db.open_any("file").read(),
           "the CSV file");
    expect(db.verify().ok(), "the database");
}

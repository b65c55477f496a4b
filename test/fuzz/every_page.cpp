// Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#include "../bags/image_512.hpp"
#include "image_run.hpp"

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>

BOOST_AUTO_TEST_SUITE(fuzz_every_page)

// Damage behind right checksums, one kind after the other. What must hold is
// said in image_run.hpp, which ends the program where it does not.

namespace {

namespace ns = numstore;
using fuzz::edit;
using fuzz::edit_kind;

#ifndef NUMSTORE_TEST_THINNED
constexpr unsigned thinned = 1;
#else
constexpr unsigned thinned = 41;
#endif

struct small {
    using policies = bags::image_512;
    fuzz::image_editor<policies> editor;
    std::size_t runs = 0;

    /// `what`: see image_run.
    void run(std::size_t image, edit const& e, std::uint8_t what) {
        editor.load(image);
        editor.apply(e);
        editor.image().repair();
        fuzz::image_run<policies>(editor.image().memory(), what).run();
        ++runs;
    }

    /// f(image, edit) for every value of `which`, up to `n` of them.
    template <class F>
    void each(edit_kind kind, F&& f) {
        for (std::size_t i = 0; i != editor.images(); ++i) {
            editor.load(i);
            auto const nodes = static_cast<std::uint16_t>(
                editor.image().map().nodes.size());
            for (std::uint16_t which = 0; which < nodes; ++which) {
                edit e{};
                e.kind = static_cast<std::uint8_t>(kind);
                e.which = which;
                f(i, e);
            }
        }
    }
};

struct blind : fuzz::blindness, small {};

constexpr std::uint8_t look = 0x03;
constexpr std::uint8_t everything = 0xff;

} // namespace

BOOST_FIXTURE_TEST_CASE(is_another_one, small) {
    unsigned n = 0;
    for (edit_kind const kind : {edit_kind::swap_pages, edit_kind::stale_page,
                                 edit_kind::foreign_page})
        each(kind, [&](std::size_t image, edit e) {
            for (unsigned other = 0; other < 300; other += 37) {
                e.where = static_cast<std::uint16_t>(other + n % 37);
                e.value = 256 + other + n % 37;
                e.width = static_cast<std::uint8_t>(n);
                if (++n % thinned == 0)
                    run(image, e, n % 16 == 0 ? everything : look);
            }
        });
    BOOST_TEST(runs > 100U);
}

BOOST_FIXTURE_TEST_CASE(is_above_itself_or_used_twice, blind) {
    unsigned n = 0;
    each(edit_kind::refer_node, [&](std::size_t image, edit e) {
        for (std::uint64_t other = 0; other < 48; other += 3) {
            e.value = other + n % 3;
            if (++n % thinned == 0)
                run(image, e, n % 16 == 0 ? everything : look);
        }
    });
    BOOST_TEST(runs > 100U);
}

BOOST_FIXTURE_TEST_CASE(is_outside_of_the_file, small) {
    unsigned n = 0;
    each(edit_kind::refer_page, [&](std::size_t image, edit e) {
        e.source = 1;
        for (unsigned v = n % 5; v < std::size(fuzz::telling_values); v += 5) {
            e.value = v;
            if (++n % thinned == 0)
                run(image, e, look);
        }
    });
    BOOST_TEST(runs > (thinned == 1 ? 100U : 50U));
}

BOOST_FIXTURE_TEST_CASE(counts_what_it_has_not, small) {
    unsigned n = 0;
    each(edit_kind::move_count, [&](std::size_t image, edit e) {
        for (unsigned const where : {0x0001U, 0x0100U, 0x0205U})
            for (unsigned v = n % 7; v < std::size(fuzz::telling_values);
                 v += 7) {
                e.where = static_cast<std::uint16_t>(where);
                e.source = 1;
                e.value = v;
                if (++n % thinned == 0)
                    run(image, e, n % 8 == 0 ? everything : look);
            }
    });
    BOOST_TEST(runs > 100U);
}

BOOST_FIXTURE_TEST_CASE(is_below_very_many, blind) {
    for (std::size_t image : {1U, 2U})
        for (unsigned levels : {1U, 8U, 30U, 61U, 62U, 63U, 64U, 200U, 255U}) {
            edit e{};
            e.kind = static_cast<std::uint8_t>(edit_kind::chain);
            e.value = levels;
            run(image, e, everything);
        }
}

BOOST_FIXTURE_TEST_CASE(has_an_entry_that_lies, small) {
    unsigned n = 0;
    for (std::size_t image : {1U, 2U, 3U, 4U, 6U})
        for (std::uint16_t which = 0; which != 6; ++which)
            for (std::uint16_t where = 0; where != 16; ++where)
                for (unsigned v = n % 3;
                     v < std::size(fuzz::telling_values); v += 3) {
                    edit e{};
                    e.kind = static_cast<std::uint8_t>(edit_kind::entry);
                    e.which = which;
                    e.where = where;
                    e.source = 1;
                    e.value = v;
                    if (++n % thinned == 0)
                        run(image, e, n % 8 == 0 ? everything : look);
                }
    BOOST_TEST(runs > 100U);
}

BOOST_FIXTURE_TEST_CASE(is_of_a_log_that_lies, small) {
    unsigned n = 0;
    for (std::size_t image : {4U, 5U, 6U, 7U, 8U})
        for (edit_kind const kind :
             {edit_kind::record, edit_kind::new_record, edit_kind::records})
            for (std::uint16_t which = 0; which != 40; which += 4)
                for (unsigned member = 0; member != 18; ++member)
                    for (unsigned v = n % 6;
                         v < std::size(fuzz::telling_values); v += 6) {
                        edit e{};
                        e.kind = static_cast<std::uint8_t>(kind);
                        e.which = which;
                        e.where = static_cast<std::uint16_t>(member * 256
                                                             + n % 3);
                        e.width = static_cast<std::uint8_t>(n);
                        e.source = 1;
                        e.value = v;
                        if (++n % (4 * thinned) == 0)
                            run(image, e, n % 16 == 0 ? everything : look);
                    }
    BOOST_TEST(runs > 100U);
}

BOOST_FIXTURE_TEST_CASE(belongs_to_the_log_of_another_database, small) {
    for (std::size_t image = 0; image != editor.images(); ++image)
        for (unsigned other = 0; other != editor.images(); ++other)
            for (std::uint16_t where = 0; where != 4; ++where) {
                edit e{};
                e.kind = static_cast<std::uint8_t>(edit_kind::foreign_log);
                e.width = static_cast<std::uint8_t>(other);
                e.where = where;
                run(image, e, everything);
            }
}

BOOST_FIXTURE_TEST_CASE(stands_in_a_list_that_lies, small) {
    unsigned n = 0;
    for (edit_kind const kind :
         {edit_kind::free_list, edit_kind::shared_list, edit_kind::graves})
        for (std::size_t image = 0; image != editor.images(); ++image)
            for (std::uint16_t which = 0; which < 60; which += 5)
                for (unsigned v = 0; v != 24; ++v) {
                    edit e{};
                    e.kind = static_cast<std::uint8_t>(kind);
                    e.which = static_cast<std::uint16_t>(which + n % 5);
                    e.where = static_cast<std::uint16_t>(n * 77);
                    e.width = static_cast<std::uint8_t>(v);
                    e.source = static_cast<std::uint8_t>(1 + n % 3);
                    e.value = v * 5 + n % 5;
                    if (++n % (2 * thinned) == 0)
                        run(image, e, n % 8 == 0 ? look : everything);
                }
    BOOST_TEST(runs > 50U);
}

BOOST_AUTO_TEST_SUITE_END()

// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test.hpp"

#include <fstream>

#include "options.hpp"

using namespace train;

static Options parseConfig(const std::string& content)
{
    static const std::string file = temporaryFolder() + "/some.yml";
    std::ofstream(file, std::ios::binary) << content;
    return parseOptions({ "--config=" + file, "--photos=somewhere" });
}

TRAIN_TEST(configFilesHoldPlainAndQuotedValues)
{
    const Options options = parseConfig("\xEF\xBB\xBF%YAML:1.0\n---\n# a comment\n\nnet: 3-3-3\nmean: 123.7,116.3,103.5   # of ImageNet\r\n"
                                        "note: 3 ducks: 1 \"drake\" #1\noutputs : 'a ''b'' # c'\t# and a comment\nsteps:  7 \t\nflips: 0\n"
                                        "root: \"a \\\"b\\\"\\\\\\n\\tc # d\"\nout: C:\\new\nwithout:\nval-pairs: # none\n");
    CV_Assert(options.net == "3-3-3" && options.mean == "123.7,116.3,103.5" && options.note == "3 ducks: 1 \"drake\"");
    CV_Assert(options.outputs == "a 'b' # c" && options.steps == 7 && !options.flips && options.root == "a \"b\"\\\n\tc # d");
    CV_Assert(options.out == "C:\\new" && options.without.empty() && options.valPairs.empty());
}

TRAIN_TEST(configFilesEndAnywhere)
{
    CV_Assert(parseConfig("").note.empty() && parseConfig("note:").note.empty() && parseConfig("steps: 3\nnote:  \n\n").note.empty());
    CV_Assert(parseConfig("note: x").note == "x" && parseConfig("note: \"x\"").note == "x" && parseConfig("steps: 4\n...\n").steps == 4);
}

TRAIN_TEST(configFilesOfTheProgramAreReadBack)
{
    Options options;
    options.photos = "somewhere";
    options.note = "# \"one\", it's \\n 'two'\n\r\tthree: \x01 " + std::string(5000, 'n') + " \xC3\xBC ";
    options.turn = 0.1;
    const std::string yaml = toYaml(options);
    CV_Assert(parseConfig(yaml).note == options.note && toYaml(parseConfig(yaml)) == yaml);
}

TRAIN_TEST(configFilesWithMistakes)
{
    for (const auto& mistake : std::vector<std::pair<std::string, std::string> > {
             { "steps: 3\nno colon\n", "some.yml:2: expected \"name: value\"" }, { "steps: x", "some.yml:1: --steps=x: expected a whole number" },
             { "\n\nstepz: 3", "some.yml:3: unknown option --stepz" }, { "steps:", "some.yml:1: --steps=: expected a whole number" },
             { "outputs:\n  - a\n", "some.yml:2: expected \"name: value\"" }, { "outputs:\n- a\n", "some.yml:2: expected \"name: value\"" },
             { "outputs: [a, b]", "some.yml:1: \"[a, b]\" is a list or a map" }, { "net: {a: b}", "is a list or a map" },
             { "net:\n  steps: 3", "some.yml:2: expected \"name: value\"" }, { "--steps: 3", "some.yml:1: expected \"name: value\"" },
             { "steps: 3\nnet: 3\nsteps: 4", "some.yml:3: \"steps\" is there already, in line 1" },
             { "note: \"a", "some.yml:1: the quote is not closed" }, { "note: 'a''", "the quote is not closed" },
             { "note: \"a\\\"", "the quote is not closed" }, { "note: \"a\" b", "some.yml:1: \" b\" follows the closing quote" },
             { "note: \"a\\x\"", "some.yml:1: \"\\x\" in quotes, expected" }, { "overwrite:", "some.yml:1: --overwrite=: expected 0 or 1" },
             { "note: |\n  a\n", "some.yml:2: expected \"name: value\"" } })
        expectThrows([&] { parseConfig(mistake.first); }, mistake.second);
}

// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test_model_files.hpp"

namespace opencv_test { namespace {

// -------------------------------- damaged files --------------------------------

TEST_F(Semcorr_ModelFile, not_a_model)
{
    EXPECT_ERROR(ConsensusNet::load(path("missing.yml")), "missing.yml\" cannot be opened");
    EXPECT_ERROR(ConsensusNet::load(folder), "is a folder or a device");
    EXPECT_ERROR(ConsensusNet::load(""), "cannot be opened");
    EXPECT_ERROR(loadNet(""), "does not begin with");
    EXPECT_ERROR(loadNet("%YAML"), "does not begin with");
    EXPECT_ERROR(loadNet(readAll(semcorrData("nets/cnn.onnx"))), "does not begin with");
    EXPECT_ERROR(loadNet("%YAML:1.0\n---\nnet: 1\n" + std::string(100, '#') + "\n"), "does not end in a line with its checksum");
    EXPECT_ERROR(loadNet(signedAgain("%YAML:1.0\n---\n")), "model file");
    EXPECT_ERROR(loadNet(signedAgain("%YAML:1.0\n---\na: 1\nb: 2\n")), "holds 2 nodes, expected one");
    EXPECT_ERROR(loadNet(signedAgain("%YAML:1.0\n---\n- 1\n- 2\n")), "expected one");
    EXPECT_ERROR(loadNet(signedAgain("%YAML:1.0\n---\nsemcorr_consensus_net: 1\n")), "expected a map");
    EXPECT_ERROR(loadMatcher(textOf(tinyNet())), "holds \"semcorr_consensus_net\", expected \"semcorr_matcher\"");
    EXPECT_ERROR(loadNet(textOf(smallMatcher())), "holds \"semcorr_matcher\", expected \"semcorr_consensus_net\"");
}

TEST_F(Semcorr_ModelFile, too_large)
{
    writeAll(path("net.yml"), "");
    std::ofstream file(path("net.yml").c_str(), std::ios::binary);
    file.seekp((std::streamoff)2 << 30);  // sparse, where the file system can
    file << "x";
    file.close();
    EXPECT_ERROR(ConsensusNet::load(path("net.yml")), "2147483649 bytes, expected at most 67108864");
}

TEST_F(Semcorr_ModelFile, every_flipped_byte_is_found)
{
    const std::string text = textOf(tinyNet());
    for (size_t i = 0; i < text.size(); i++)
    {
        std::string damaged = text;
        damaged[i] = (char)(damaged[i] ^ theRNG().uniform(1, 256));
        EXPECT_ERROR(loadNet(damaged), "model file");
    }
}

TEST_F(Semcorr_ModelFile, every_truncation_is_found)
{
    const std::string text = textOf(tinyNet());
    for (size_t i = 0; i < text.size(); i++)
        EXPECT_ERROR(loadNet(text.substr(0, i)), "model file");
    EXPECT_ERROR(loadNet(text + "\n"), "model file");
    EXPECT_ERROR(loadNet(text + text), "model file");
}

TEST_F(Semcorr_ModelFile, damaged_matcher)
{
    Ptr<Matcher> matcher = smallMatcher();
    matcher->setProvenance("\xC3\xA9 text");
    const std::string text = textOf(matcher);
    for (int i = 0; i < 300; i++)
    {
        std::string damaged = text;
        const int at = theRNG().uniform(0, (int)text.size());
        damaged[at] = (char)(damaged[at] ^ theRNG().uniform(1, 256));
        EXPECT_ERROR(loadMatcher(damaged), "model file");
        EXPECT_ERROR(loadMatcher(text.substr(0, at)), "model file");
    }
}

// -------------------------------- hostile files with a right checksum --------------------------------

struct Edit
{
    const char *from, *to, *message;
};

const char SIZES[] = "sizes: !!binary |\n"
                     "                  aSAgICAgICAgICAgICAgICAgICAgICAgAQAAAAEAAAADAAAAAQAAAAEAAAABAAAA\n";

TEST_F(Semcorr_ModelFile, hostile_values)
{
    const Edit edits[] = {
        { "version: 1", "version: 2", "newer module" },
        { "version: 1", "version: 0", "version is 0, expected 1" },
        { "version: 1", "version: \"|1\"", "version is missing or of another type, expected a whole number" },
        { "symmetry: 2", "symmetry: 3", "symmetry is 3, expected SYMMETRY_NONE" },
        { "symmetry: 2", "symmetry: -1", "symmetry is -1" },
        { "symmetry: 2", "symmetry: 2.5", "expected a whole number" },
        { "symmetry: 2", "symmetry: 4294967298", "expected a number of 32 bits" },
        { "symmetry: 2", "symmetry:", "cannot parse it" },
        { "symmetry: 2", "symmetry:\n      []", "net.symmetry is missing or of another type" },
        { "symmetry: 2", "other: 2", "net.symmetry is missing" },
        { "symmetry: 2\n", "symmetry: 2\n   other: 2\n", "net.other is unknown" },
        { "symmetry: 2\n", "symmetry: 2\n   symmetry: 2\n", "is there twice" },
        { "symmetry: 2", "symmetry: word", "expected a whole number" },
        { "symmetry: 2", "symmetry:\n      - 2", "expected a whole number" },
        { "padding: 0", "padding: 2", "padding is 2" },
        { "last_activation: 1", "last_activation: 2", "last_activation is 2, expected 0 or 1" },
        { "residual: 0.25", "residual: .Nan", "expected a finite number" },
        { "residual: 0.25", "residual: -.Inf", "expected a finite number" },
        { "residual: 0.25", "residual: 1e999", "expected a finite number" },
        { "residual: 0.25", "residual: \"|x\"", "residual is missing or of another type, expected a number" },
        { "joined: 0", "joined: 1", "joined is true for the first block" },
        { "dt: f", "dt: d", "net.blocks[0].weights[0].dt is missing or not \"f\"" },
        { "dt: f", "dt: 9f", "cannot parse it" },
        { "dt: f", "dt: 1", "net.blocks[0].weights[0].dt is missing or not \"f\"" },
        { "rows: 1", "rows: 2", "net.blocks[0].biases[0] holds 1 values, expected 2" },
        { "rows: 1", "rows: 2000000000", "holds 1 values, expected 2000000000" },
        { "rows: 1", "rows: 0", "a size of net.blocks[0].biases[0] is 0" },
        { "rows: 1", "rows: -1", "a size of net.blocks[0].biases[0] is -1" },
        { "rows: 1", "lines: 1", "net.blocks[0].biases[0].rows is missing" },
        { "biases:", "weights:", "net.blocks[0].biases is missing" },
        { "semcorr_consensus_net:", "semcorr_consensus_net2:", "holds \"semcorr_consensus_net2\"" },
        // weights that are not a number: 0.5 is 0000003F, NaN 0000C07F
        { "AAAAPwAAAD8AAAA/", "AADAfwAAwH8AAMB/", "not finite" },
        { "AAAAPwAAAD8AAAA/", "AAAAPwAAAD8=", "weights[0] holds 2 values, expected 3" },
        // sizes of 1×1×3×1×1×1: kernels of even size, two input channels, others
        { "AQAAAAEAAAADAAAAAQAAAAEAAAABAAAA", "AQAAAAEAAAAAAAAAAQAAAAEAAAABAAAA", "a size of net.blocks[0].weights[0] is 0" },
        { SIZES, "sizes: []\n", "has 0 dimensions, expected 6" },
        { SIZES, "sizes:\n                  - 1\n                  - 1\n", "has 2 dimensions, expected 6" },
        { SIZES, "sizes:\n                  - 1\n                  - 3\n                  - 1\n                  - 1\n"
                 "                  - 1\n                  - 1\n", "block 0 takes 3 channels, expected 1" },
        { SIZES, "sizes:\n                  - 1\n                  - 1\n                  - 3\n                  - -1\n"
                 "                  - -1\n                  - 1\n", "a size of net.blocks[0].weights[0] is -1" },
        { SIZES, "sizes:\n                  - 2000000000\n                  - 2000000000\n                  - 3\n"
                 "                  - 999\n                  - 999\n                  - 999\n", "holds 3 values, expected 1196" },
        { SIZES, "sizes:\n                  - 1.5\n", "weights[0].sizes is missing or of another type" },
        { SIZES, "lengths: 1\n", "weights[0].rows is missing" },
    };
    const std::string text = textOf(tinyNet());
    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++)
    {
        SCOPED_TRACE(format("%s -> %s", edits[i].from, edits[i].to));
        EXPECT_ERROR(loadNet(signedAgain(replaced(text, edits[i].from, edits[i].to))), edits[i].message);
    }
}

// FileStorage's parser overflows the stack, loops for ever or reads beyond its buffer with some of these.
TEST_F(Semcorr_ModelFile, hostile_syntax)
{
    const std::string deep(100000, '['), maps(100000, '{');
    std::string dashes, keys, stairs;
    for (int i = 0; i < 100000; i++)
        dashes += "- ", keys += "a: ";
    for (int i = 0; i < 3000; i++)
        stairs += "\n" + std::string(10 + i, ' ') + "a:";
    const std::string values[] = {
        deep, maps, dashes, keys, stairs, "[ 1, 2", "{ a: 1", "\"|text", "\"\\x", "\"\\", "'text'", "!!binary", "!!binary |",
        "!!binary |\n", "!!binary |\n      ====", "!!binary |\n      ICAgICAgICAgICAgICAgICAgICAgICAgAAAA",
        "!!binary |\n      AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "!!binary |\n   ZiAgICAgICAgICAgICAgICAgICAgICAgAAAAAA==",
        "!!", "!!str", "!<tag:yaml.org,2002:", "&a", "*a", "? a", "| a", "> a", "--------", "-", ".", "...", "...\n---", "---",
        "%", "# comment", "\t1", "1\r", "1\n\n", "1\n...\n---\na: 1", "\"|\xC3\"", "\"|\xFF\"", "\"|\x01\"", std::string("\"|\0\"", 4),
        "\"|" + std::string(5000, 'x') + "\"", "\"|" + std::string(500, 'x') + "\"", std::string(300, '1'),
        "0x" + std::string(200, 'F'), "1e" + std::string(100, '9'), "\"|%\"", "\"|%4\"", "\"|%FF\"", "\"|%zz\"",
        "\"no bar\"", "\"\""
    };
    Ptr<Matcher> matcher = smallMatcher();
    matcher->setProvenance("text");
    const std::string net = textOf(tinyNet()), model = textOf(matcher);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
    {
        SCOPED_TRACE(values[i].substr(0, 60));
        EXPECT_ERROR(loadNet(signedAgain(replaced(net, "padding: 0", "padding: " + values[i]))), "model file");
        EXPECT_ERROR(loadMatcher(signedAgain(replaced(model, "\"|text\"", values[i]))), "model file");
        EXPECT_ERROR(loadNet(signedAgain(replaced(net, "padding: 0", values[i]))), "model file");
    }
}

TEST_F(Semcorr_ModelFile, hostile_counts)
{
    const std::string text = textOf(tinyNet());
    const std::string head = text.substr(0, text.find("      -\n"));
    std::string blocks, nodes, distinct;
    std::string arrays = "      -\n         joined: 0\n         biases:\n            []\n         weights:\n";
    for (int i = 0; i < 5000; i++)
    {
        blocks += "      -\n         joined: 0\n";
        arrays += "            -\n               dt: f\n";
    }
    for (int i = 0; i < 200000; i++)
    {
        nodes += "      - 1\n";
        distinct += format("   a%d: 1\n", i);
    }
    EXPECT_ERROR(loadNet(signedAgain(head + blocks)), "net.blocks has 5000 entries, expected at most 256");
    EXPECT_ERROR(loadNet(signedAgain(head + arrays)), "net.blocks[0].weights has 5000 entries, expected at most 4096");
    EXPECT_ERROR(loadNet(signedAgain(head + nodes)), "is not one that a model file can have");
    EXPECT_ERROR(loadNet(signedAgain(head + "      []\n" + distinct)), "is not one that a model file can have");
}

TEST_F(Semcorr_ModelFile, hostile_text)
{
    Ptr<Matcher> matcher = smallMatcher();
    matcher->setProvenance("text");
    const std::string text = textOf(matcher), piece = "\"|" + std::string(300, 'x') + "\"";
    std::string pieces = piece, lines = piece;
    for (int i = 0; i < 20000; i++)
        pieces += "\n      - " + piece;
    for (int i = 0; i < 70000; i++)
        lines += "\n      - \"|%0A\"";
    EXPECT_ERROR(loadMatcher(signedAgain(replaced(text, "\"|text\"", pieces))), "provenance has more than 1048576 bytes");
    EXPECT_ERROR(loadMatcher(signedAgain(replaced(text, "\"|text\"", lines))), "provenance has 70001 entries, expected at most 65536");
}

TEST_F(Semcorr_ModelFile, every_line_is_needed)
{
    const std::string text = textOf(tinyNet());
    for (size_t start = 0, end; (end = text.find('\n', start)) != std::string::npos; start = end + 1)
    {
        SCOPED_TRACE(text.substr(start, end - start));
        EXPECT_ERROR(loadNet(signedAgain(text.substr(0, start) + text.substr(end + 1))), "model file");
        if (text.compare(end + 1, 10, "# sha256: ") == 0)
            break;
    }
}

TEST_F(Semcorr_ModelFile, hostile_backbone)
{
    const std::string text = textOf(smallMatcher());
    const Edit edits[] = {
        { "\"|stored\"", "\"|elsewhere\"", "features.source is \"elsewhere\", expected \"embedded\"" },
        { "\"|stored\"", "\"|embedded\"", "embedded backbone is called \"\"" },
        { "\"|stored\"", "\"|beside\"", "bare name" },
        { "onnx_bytes: 8786", "onnx_bytes: 8785", "has the SHA-256" },
        { "onnx_bytes: 8786", "onnx_bytes: 9999", "features.onnx_bytes is 9999" },
        { "onnx_bytes: 8786", "onnx_bytes: -1", "features.onnx_bytes is -1" },
        { "onnx_bytes: 8786", "onnx_bytes: 2147483647", "features.onnx_bytes is 2147483647" },
        { "\"|coarse\"", "\"|missing\"", "outputs has \"missing\", expected outputs of the net" },
        { "input_width: 64", "input_width: 99999", "inputSize.width is 99999" },
        { "swap_rb: 1", "swap_rb: 7", "swap_rb is 7, expected 0 or 1" },
        { "prefix_tokens: 0", "prefix_tokens: -3", "prefixTokens is -3" },
        { "cols: 24", "cols: 2400000", "features.adapter[0] holds 120 values" },
        { "memory_limit: 1073741824", "memory_limit: 1", "memoryLimit is 1 bytes" },
        { "memory_limit: 1073741824", "memory_limit: -1", "memory_limit is -1" },
        { "mode: 0", "mode: 7", "mode is 7" },
        { "refine: 2", "refine: 7", "refine is 7" },
        { "      version: 1", "      version: 3", "newer module" },
    };
    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++)
    {
        SCOPED_TRACE(format("%s -> %s", edits[i].from, edits[i].to));
        EXPECT_ERROR(loadMatcher(signedAgain(replaced(text, edits[i].from, edits[i].to))), edits[i].message);
    }
    const size_t hash = text.find("\"|", text.find("sha256:"));
    EXPECT_ERROR(loadMatcher(signedAgain(std::string(text).replace(hash + 2, 4, "zzzz"))), "expected zzzz");
}

// Counts what Mats take, as the default allocator
class CountingAllocator CV_FINAL : public MatAllocator
{
public:
    CountingAllocator() : largest(0), standard(Mat::getDefaultAllocator()) { Mat::setDefaultAllocator(this); }
    ~CountingAllocator() { Mat::setDefaultAllocator(standard); }

    UMatData* allocate(int dims, const int* sizes, int type, void* data, size_t* step, AccessFlag flags,
                       UMatUsageFlags usage) const CV_OVERRIDE
    {
        double bytes = (double)CV_ELEM_SIZE(type);
        for (int i = 0; i < dims; i++)
            bytes *= sizes[i];
        largest = std::max(largest, bytes);
        return standard->allocate(dims, sizes, type, data, step, flags, usage);
    }
    bool allocate(UMatData* data, AccessFlag flags, UMatUsageFlags usage) const CV_OVERRIDE
    {
        return standard->allocate(data, flags, usage);
    }
    void deallocate(UMatData* data) const CV_OVERRIDE { standard->deallocate(data); }

    mutable double largest;

private:
    MatAllocator* standard;
};

// A random change of a text without its checksum
std::string edited(std::string text)
{
    RNG& rng = theRNG();
    const int at = rng.uniform(0, (int)text.size());
    const size_t digit = std::min(text.find_first_of("0123456789", at), text.size() - 1);
    const size_t start = text.rfind('\n', at) + 1, end = std::min(text.find('\n', at), text.size() - 1) + 1;  // of its line
    switch (rng.uniform(0, 6))
    {
    case 0: text[at] = (char)rng.uniform(0, 256); break;
    case 1: text[at] = (char)rng.uniform(32, 127); break;
    case 2: text.insert(at, 1, (char)rng.uniform(32, 127)); break;
    case 3: text.erase(start, end - start); break;
    case 4: text.insert(start, text.substr(start, end - start)); break;
    default: text.replace(digit, 1, format("%d", rng.uniform(0, 200000))); break;
    }
    return text;
}

TEST_F(Semcorr_ModelFile, fuzz_net)
{
    Ptr<ConsensusNet> net = tinyNet();
    const int shape[] = { 1, 1, 1, 1, 1, 3 };
    net->addBlock(Mat(6, shape, CV_32F, Scalar(-0.5)), noArray(), true);
    std::string text = textOf(net);
    text.resize(text.rfind("# sha256: "));
    const CountingAllocator memory;
    int accepted = 0;
    for (int i = 0; i < 1000; i++)
    {
        std::string changed = text;
        for (int n = theRNG().uniform(1, 4); n > 0; n--)
            changed = edited(changed);
        writeAll(path("edited.yml"), signedAgain(changed));
        try
        {
            const Ptr<ConsensusNet> loaded = ConsensusNet::load(path("edited.yml"));
            Mat scores;
            loaded->forward(randomFloats({ 2, 3, 4, 2 }), scores);
            accepted++;
        }
        catch (const cv::Exception& e)
        {
            for (size_t k = 0; k < e.err.size(); k++)
                ASSERT_TRUE(e.err[k] >= 32 && e.err[k] < 127) << "the file's bytes came through: " << e.err;
        }
    }
    EXPECT_LT(memory.largest, 1e6);
    EXPECT_GT(accepted, 30) << "the edits are too coarse to test anything";
    EXPECT_LT(accepted, 700);
}

TEST_F(Semcorr_ModelFile, fuzz_matcher)
{
    Ptr<Matcher> matcher = smallMatcher();
    matcher->setProvenance("a text");
    std::string text = textOf(matcher);
    // without the base64 lines of the backbone, in which nearly all edits would fall
    const size_t onnx = text.find("      onnx:"), rest = text.find("      outputs:");
    const std::string middle = text.substr(onnx, rest - onnx);
    text.erase(onnx, rest - onnx);
    text.resize(text.rfind("# sha256: "));
    const CountingAllocator memory;
    int accepted = 0;
    for (int i = 0; i < 200; i++)
    {
        std::string changed = edited(text);
        const size_t at = changed.find("      outputs:");
        if (at != std::string::npos)
            changed.insert(at, middle);
        try
        {
            loadMatcher(signedAgain(changed));
            accepted++;
        }
        catch (const cv::Exception&)
        {
        }
    }
    EXPECT_LT(memory.largest, 1e8);
    EXPECT_GT(accepted, 5);
    EXPECT_LT(accepted, 150);
}

}} // namespace

// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test_model_files.hpp"

#ifdef __linux__
#include <csignal>
#include <sys/resource.h>
#endif

namespace opencv_test { namespace {

void fillRandomly(const Ptr<ConsensusNet>& net)
{
    for (int i = 0; i < net->getBlockCount(); i++)
    {
        std::vector<Mat> weights, biases;
        net->getBlock(i, weights, biases);
        for (size_t j = 0; j < weights.size(); j++)
        {
            weights[j] = randomFloats(std::vector<int>(weights[j].size.p, weights[j].size.p + 6));
            biases[j] = randomFloats({ biases[j].rows, 1 });
        }
        net->setBlock(i, weights, biases);
    }
}

// The same net with a documentation text of 9 MB (ModelProto::doc_string is field 6)
std::string largeOnnx()
{
    const unsigned length = 9 << 20;
    std::string onnx = readAll(semcorrData("nets/cnn.onnx")) + "\x32";
    for (unsigned rest = length; rest; rest >>= 7)
        onnx += (char)((rest & 0x7F) | (rest > 0x7F ? 0x80 : 0));
    return onnx + std::string(length, ' ');
}

Mat randomPicture(int rows, int cols)
{
    Mat image(rows, cols, CV_8UC3);
    randu(image, 0, 256);
    return image;
}

void expectSameNet(const Ptr<ConsensusNet>& expected, const Ptr<ConsensusNet>& net)
{
    ASSERT_EQ(expected->getBlockCount(), net->getBlockCount());
    for (int i = 0; i < net->getBlockCount(); i++)
        EXPECT_EQ(expected->isJoined(i), net->isJoined(i));
    EXPECT_EQ(expected->getSymmetry(), net->getSymmetry());
    EXPECT_EQ(expected->getPadding(), net->getPadding());
    EXPECT_EQ(expected->getLastActivation(), net->getLastActivation());
    EXPECT_EQ(expected->getResidual(), net->getResidual());
    const Mat corr = randomFloats({ 4, 3, 2, 5 });
    Mat scores1, scores2;
    expected->forward(corr, scores1);
    net->forward(corr, scores2);
    EXPECT_TRUE(sameBits(scores2, scores1));
}

// Same fields, scores, flow and confidence, bit for bit
void expectSameMatches(const Ptr<Matcher>& expected, const Ptr<Matcher>& matcher)
{
    const Mat image1 = randomPicture(64, 80), image2 = randomPicture(72, 64);
    Mat flow1, flow2, confidence1, confidence2;
    expected->match(image1, image2, flow1, confidence1);
    matcher->match(image1, image2, flow2, confidence2);
    EXPECT_TRUE(sameBits(flow2, flow1));
    EXPECT_TRUE(sameBits(confidence2, confidence1));
    const Mat f1 = randomFeatures(4, 5, 7), f2 = randomFeatures(6, 3, 7);
    expected->matchFeatures(f1, f2, flow1, confidence1);
    matcher->matchFeatures(f1, f2, flow2, confidence2);
    EXPECT_TRUE(sameBits(flow2, flow1));
    EXPECT_TRUE(sameBits(confidence2, confidence1));
}

void expectSameParams(const FeatureNet::Params& a, const FeatureNet::Params& b)
{
    EXPECT_EQ(a.outputs, b.outputs);
    EXPECT_EQ(a.inputSize, b.inputSize);
    EXPECT_EQ(a.longestSide, b.longestSide);
    EXPECT_EQ(a.stride, b.stride);
    EXPECT_EQ(a.mean, b.mean);
    EXPECT_EQ(a.scale, b.scale);
    EXPECT_EQ(a.swapRB, b.swapRB);
    EXPECT_EQ(a.prefixTokens, b.prefixTokens);
    EXPECT_EQ(a.backend, b.backend);
    EXPECT_EQ(a.target, b.target);
    EXPECT_EQ(a.adapter.size(), b.adapter.size());
    if (!a.adapter.empty())
    {
        EXPECT_TRUE(sameBits(b.adapter, a.adapter));
    }
}

TEST(Semcorr_Sha256, known_values)
{
    const std::string two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", million(1000000, 'a');
    EXPECT_EQ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", sha256("", 0));
    EXPECT_EQ("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", sha256("abc", 3));
    EXPECT_EQ("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", sha256(two.c_str(), two.size()));
    EXPECT_EQ("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", sha256(million.c_str(), million.size()));
}

TEST_F(Semcorr_ModelFile, net_round_trip)
{
    for (int preset = PRESET_NCNET_555; preset <= PRESET_PMNC; preset++)
    {
        SCOPED_TRACE(format("preset %d", preset));
        Ptr<ConsensusNet> net = ConsensusNet::createPreset(preset);
        fillRandomly(net);
        net->setLastActivation(preset % 2 == 0);
        net->setResidual(preset / 3.);
        net->save(path("net.yml"));
        expectSameNet(net, ConsensusNet::load(path("net.yml")));
    }
    EXPECT_EQ("net.yml", files());
}

TEST_F(Semcorr_ModelFile, net_without_blocks)
{
    ConsensusNet::create(SYMMETRY_NONE, PADDING_INPUT)->save(path("net.yml"));
    EXPECT_EQ(0, ConsensusNet::load(path("net.yml"))->getBlockCount());
}

TEST_F(Semcorr_ModelFile, default_matcher)
{
    Matcher::Params params;
    params.mode = SEARCH_PATCHMATCH;
    params.iterations = 7;
    params.hypotheses = 5;
    params.offsets = OFFSETS_GIPUMA;
    params.localRadius = 2;
    params.randomSearch = true;
    params.init = INIT_RANDOM;
    params.seed = -12345;
    params.mutual = false;
    params.refine = REFINE_NONE;
    params.memoryLimit = (size_t)3 << 28;
    Ptr<Matcher> matcher = Matcher::create(params);
    matcher->save(path("model"));  // the extension does not matter
    EXPECT_LT(readAll(path("model")).size(), 1000000u) << "the embedded backbone is only named";
    const Ptr<Matcher> loaded = Matcher::create(path("model"));
    expectSameParams(matcher->getFeatureNet()->getParams(), loaded->getFeatureNet()->getParams());
    expectSameNet(matcher->getConsensusNet(), loaded->getConsensusNet());
    EXPECT_EQ(params.mode, loaded->getParams().mode);
    EXPECT_EQ(params.iterations, loaded->getParams().iterations);
    EXPECT_EQ(params.hypotheses, loaded->getParams().hypotheses);
    EXPECT_EQ(params.offsets, loaded->getParams().offsets);
    EXPECT_EQ(params.localRadius, loaded->getParams().localRadius);
    EXPECT_EQ(params.randomSearch, loaded->getParams().randomSearch);
    EXPECT_EQ(params.init, loaded->getParams().init);
    EXPECT_EQ(params.seed, loaded->getParams().seed);
    EXPECT_EQ(params.mutual, loaded->getParams().mutual);
    EXPECT_EQ(params.bidirectional, loaded->getParams().bidirectional);
    EXPECT_EQ(params.refine, loaded->getParams().refine);
    EXPECT_EQ(params.target, loaded->getParams().target);
    EXPECT_EQ(params.memoryLimit, loaded->getParams().memoryLimit);
    expectSameMatches(matcher, loaded);
    EXPECT_EQ("model", files());
}

TEST_F(Semcorr_ModelFile, other_params_than_in_the_file)
{
    smallMatcher()->save(path("model.yml"));
    Matcher::Params params;
    params.bidirectional = false;
    EXPECT_FALSE(Matcher::create(path("model.yml"), params)->getParams().bidirectional);
    params.refine = 9;
    EXPECT_ERROR(Matcher::create(path("model.yml"), params), "refine is 9");
    // what this build cannot do matters only when it is asked for
    writeAll(path("cuda.yml"), signedAgain(replaced(readAll(path("model.yml")), "target: 0", "target: 1")));
    EXPECT_ERROR(Matcher::create(path("cuda.yml")), "target is TARGET_CUDA");
    EXPECT_EQ(TARGET_CPU, Matcher::create(path("cuda.yml"), Matcher::Params())->getParams().target);
}

TEST_F(Semcorr_ModelFile, no_memory_limit)
{
    Matcher::Params params;
    params.memoryLimit = std::numeric_limits<size_t>::max();
    Ptr<Matcher> matcher = smallMatcher();
    matcher->setParams(params);
    matcher->save(path("model.yml"));
    EXPECT_GE(Matcher::create(path("model.yml"))->getParams().memoryLimit, std::numeric_limits<size_t>::max() / 2);
}

TEST_F(Semcorr_ModelFile, stored_backbone)
{
    writeAll(path("net.onnx"), readAll(semcorrData("nets/cnn.onnx")));
    const Ptr<FeatureNet> backbones[] = { FeatureNet::create(smallOnnx(), smallParams()),
                                          FeatureNet::create(path("net.onnx"), smallParams()) };
    std::remove(path("net.onnx").c_str());
    for (int i = 0; i < 2; i++)
    {
        const Ptr<Matcher> matcher = Matcher::create(backbones[i], tinyNet());
        matcher->save(path("model.yml"));
        const Ptr<Matcher> loaded = Matcher::create(path("model.yml"));
        expectSameParams(matcher->getFeatureNet()->getParams(), loaded->getFeatureNet()->getParams());
        expectSameMatches(matcher, loaded);
    }
}

TEST_F(Semcorr_ModelFile, large_backbone_lies_beside)
{
    const std::string onnx = largeOnnx();
    writeAll(path("large.onnx"), onnx);
    const Ptr<Matcher> matcher = Matcher::create(FeatureNet::create(path("large.onnx"), smallParams()), tinyNet());
    matcher->save(path("model.yml"));
    const std::string text = readAll(path("model.yml"));
    EXPECT_LT(text.size(), 10000u);
    EXPECT_EQ(std::string::npos, text.find(folder)) << "only the bare name is kept";
    expectSameMatches(matcher, Matcher::create(path("model.yml")));

    const char* const names[] = { "/etc/passwd", "../large.onnx", "sub/large.onnx", "sub%5Clarge.onnx", "C:large.onnx", "..",
                                  "" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        EXPECT_ERROR(loadMatcher(signedAgain(replaced(text, "\"|large.onnx\"", format("\"|%s\"", names[i])))), "bare name");

    const std::string other = onnx + "\x32\x01 ";
    writeAll(path("large.onnx"), other);
    EXPECT_ERROR(Matcher::create(path("model.yml")), "large.onnx has the SHA-256 " + sha256(other.c_str(), other.size()));
    std::remove(path("large.onnx").c_str());
    EXPECT_ERROR(Matcher::create(path("model.yml")), "large.onnx\" cannot be opened");
    EXPECT_EQ("edited.yml model.yml", files());
}

TEST_F(Semcorr_ModelFile, large_backbone_from_memory)
{
    const std::string onnx = largeOnnx();
    const Ptr<FeatureNet> net = FeatureNet::create(std::vector<uchar>(onnx.begin(), onnx.end()), smallParams());
    EXPECT_ERROR(Matcher::create(net, tinyNet())->save(path("model.yml")), "at most 8388608");
    EXPECT_EQ("", files());
}

TEST_F(Semcorr_ModelFile, backbone_of_another_class)
{
    EXPECT_ERROR(Matcher::create(makePtr<ColourFeatures>(8), tinyNet())->save(path("model.yml")), "class of its own");
    EXPECT_EQ("", files());
}

TEST_F(Semcorr_ModelFile, self_similarity)
{
    const std::vector<Mat> weights = { randomFloats({ 3, 9, 3, 3 }), randomFloats({ 2, 3, 1, 5 }) };
    const std::vector<Mat> biases = { randomFloats({ 1, 3 }), randomFloats({ 2, 1 }) };
    Ptr<Matcher> matcher = smallMatcher();
    matcher->setSelfSimilarity(weights, biases, 3);
    matcher->save(path("model.yml"));
    expectSameMatches(matcher, Matcher::create(path("model.yml")));
    const std::string text = readAll(path("model.yml"));
    EXPECT_ERROR(loadMatcher(signedAgain(replaced(text, "window: 3", "window: 5"))), "takes 9 channels, expected 25");
    EXPECT_ERROR(loadMatcher(signedAgain(replaced(text, "window: 3", "window: 0"))), "window is 0 with 2 layers");
    EXPECT_ERROR(loadMatcher(signedAgain(replaced(text, "window: 3", "window: 99999"))), "window is 99999");
}

TEST_F(Semcorr_ModelFile, provenance)
{
    const String longLine(1000, 'x'), controls("\0\x01\x7F\t\r\n\n", 7);
    const String texts[] = { "", "true", "null", "12", "1e5", "[", "}", " a ", "\"quoted\"", "'", "\\x41\\", "100 %25", "a: b",
                             "- c", "# d", "!!binary |", "<e>&amp;", "\xC3\xA9\xE6\xBC\xA2\xF0\x9F\x98\x80",
                             longLine + "\n" + longLine, controls };
    Ptr<Matcher> matcher = smallMatcher();
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
    {
        matcher->setProvenance(texts[i]);
        matcher->save(path("model.yml"));
        EXPECT_EQ(texts[i], Matcher::create(path("model.yml"))->getProvenance());
    }
    String accents;  // no piece of text may end within a letter
    for (int i = 0; i < 300; i++)
        accents += i % 7 ? "\xE6\xBC\xA2" : "a";
    matcher->setProvenance(accents);
    matcher->save(path("model.yml"));
    EXPECT_EQ(accents, Matcher::create(path("model.yml"))->getProvenance());

    const String invalid[] = { "\xFF", "a\xC3", "\xED\xA0\x80", "\xC0\x80", String(500, '\x80') };
    for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++)
        EXPECT_ERROR(matcher->setProvenance(invalid[i]), "not valid UTF-8");
    EXPECT_EQ(accents, matcher->getProvenance());
}

TEST_F(Semcorr_ModelFile, length_of_texts)
{
    Ptr<Matcher> matcher = smallMatcher();
    const String texts[] = { String(1 << 20, 'x'), String(1 << 16, '\n') };
    for (int i = 0; i < 2; i++)
    {
        matcher->setProvenance(texts[i]);
        matcher->save(path("model.yml"));
        EXPECT_TRUE(texts[i] == Matcher::create(path("model.yml"))->getProvenance());
        EXPECT_ERROR(matcher->setProvenance(texts[i] + "\n"), i == 0 ? "the text has 1048577 bytes, expected at most 1048576"
                                                                     : "the text has more than 65536 lines");
    }
    EXPECT_TRUE(texts[1] == matcher->getProvenance());
}

TEST_F(Semcorr_ModelFile, any_format_of_file_storage)
{
    Ptr<Matcher> matcher = smallMatcher();
    const std::vector<Mat> weights = { randomFloats({ 1, 9, 1, 1 }) }, biases = { randomFloats({ 1, 1 }) };
    matcher->setSelfSimilarity(weights, biases, 3);
    matcher->setProvenance("\"a\" < 'b' & \xC3\xA9\n");
    const char* const formats[] = { ".yml", ".xml", ".json" };
    const int flags[] = { 0, FileStorage::BASE64 };
    for (int i = 0; i < 6; i++)
    {
        SCOPED_TRACE(format("%s, flags %d", formats[i % 3], flags[i / 3]));
        FileStorage out(formats[i % 3], FileStorage::WRITE | FileStorage::MEMORY | flags[i / 3]);
        out << "before" << 1;
        matcher->write(out, "model");
        out << "after" << 2;
        const String text = out.releaseAndGetString();
        const FileStorage in(text, FileStorage::READ | FileStorage::MEMORY);
        Ptr<Matcher> loaded = Matcher::create();
        loaded->read(in["model"]);
        EXPECT_EQ(matcher->getProvenance(), loaded->getProvenance());
        expectSameNet(matcher->getConsensusNet(), loaded->getConsensusNet());
        expectSameMatches(matcher, loaded);
    }
}

TEST_F(Semcorr_ModelFile, failed_read_changes_nothing)
{
    Ptr<ConsensusNet> net = ConsensusNet::createPreset(PRESET_ANCNET_A);
    fillRandomly(net);
    Ptr<ConsensusNet> same = ConsensusNet::createPreset(PRESET_ANCNET_A);
    for (int i = 0; i < net->getBlockCount(); i++)
    {
        std::vector<Mat> weights, biases;
        net->getBlock(i, weights, biases);
        same->setBlock(i, weights, biases);
    }
    Ptr<Matcher> matcher = Matcher::create(FeatureNet::create(smallOnnx(), smallParams()), net);
    const std::string text = replaced(textOf(smallMatcher()), "joined: 0", "joined: 1");
    const FileStorage fs(text, FileStorage::READ | FileStorage::MEMORY);
    const FileNode root = fs["semcorr_matcher"];
    EXPECT_ERROR(net->read(root["net"]), "joined is true for the first block");
    EXPECT_ERROR(matcher->read(root), "joined is true for the first block");
    EXPECT_ERROR(matcher->read(FileNode()), "expected a map");
    expectSameNet(same, net);
    EXPECT_EQ(net, matcher->getConsensusNet());
}

// -------------------------------- writing --------------------------------

TEST_F(Semcorr_ModelFile, replaces_a_file)
{
    writeAll(path("net.yml"), "old");
    tinyNet()->save(path("net.yml"));
    expectSameNet(tinyNet(), ConsensusNet::load(path("net.yml")));
    EXPECT_EQ("net.yml", files());
}

TEST_F(Semcorr_ModelFile, cannot_be_written)
{
    EXPECT_ERROR(tinyNet()->save(path("missing/net.yml")), "missing/net.yml\" cannot be written");
    EXPECT_ERROR(tinyNet()->save(""), "file name is empty");
    EXPECT_ERROR(tinyNet()->save(folder), "is a folder or a device");
    EXPECT_ERROR(smallMatcher()->save(path("missing/net.yml")), "cannot be written");
    EXPECT_ERROR(tinyNet()->save(path("missing/\xFF\xFE")), "missing/??\" cannot be written");
    EXPECT_EQ("", files());
}

TEST_F(Semcorr_ModelFile, net_that_a_file_cannot_hold)
{
    const int shape[] = { 1, 1, 1, 1, 1, 1 };
    Ptr<ConsensusNet> net = ConsensusNet::create();
    for (int i = 0; i < 257; i++)
        net->addBlock(Mat(6, shape, CV_32F, Scalar(1)));
    EXPECT_ERROR(net->save(path("net.yml")), "257 blocks, expected at most 256");
    EXPECT_EQ("", files());
}

#ifdef __linux__
TEST_F(Semcorr_ModelFile, devices_are_neither_read_nor_replaced)
{
    EXPECT_ERROR(tinyNet()->save("/dev/null"), "is a folder or a device");
    EXPECT_ERROR(ConsensusNet::load("/dev/zero"), "is a folder or a device");
    EXPECT_ERROR(Matcher::create(String("/dev/zero")), "is a folder or a device");
    EXPECT_TRUE(std::ifstream("/dev/null").get() == EOF);
}

// A file may grow to 1000 bytes only, as on a full disk.
TEST_F(Semcorr_ModelFile, full_disk)
{
    tinyNet()->save(path("net.yml"));
    const std::string before = readAll(path("net.yml"));
    Ptr<ConsensusNet> large = ConsensusNet::createPreset(PRESET_NCNET_33);

    struct rlimit old;
    ASSERT_EQ(0, getrlimit(RLIMIT_FSIZE, &old));
    struct rlimit small = old;
    small.rlim_cur = 1000;
    void (*handler)(int) = std::signal(SIGXFSZ, SIG_IGN);
    ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &small));
    EXPECT_ERROR(large->save(path("net.yml")), "net.yml\" cannot be written: ");
    setrlimit(RLIMIT_FSIZE, &old);
    std::signal(SIGXFSZ, handler);

    EXPECT_EQ(before, readAll(path("net.yml")));
    EXPECT_EQ("net.yml", files());
}
#endif

}} // namespace

// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "opencv2/imgproc.hpp"
#include "opencv2/semcorr/evaluation.hpp"
#include "backbone.hpp"
#include "checkpoint.hpp"
#include "feature_cache.hpp"
#include "file_io.hpp"
#include "photos.hpp"
#include "schedule.hpp"
#include "versions.hpp"

using namespace train;
namespace fs = std::filesystem;

// A picture whose colour tells the place
static cv::Mat placePicture(const cv::Size& size)
{
    cv::Mat picture(size, CV_8UC3);
    for (int y = 0; y < size.height; y++)
        for (int x = 0; x < size.width; x++)
            picture.at<cv::Vec3b>(y, x) = cv::Vec3b((uchar)(255 * x / size.width), (uchar)(255 * y / size.height), 128);
    return picture;
}

// Warp and picture say the same about where pixels come from, and the two directions are inverse.
static void checkWarp(const cv::Mat& picture, const Version& version, const std::string& name)
{
    const Warp again(version.warp.toNumbers());
    int inside = 0;
    for (int y = 5; y < version.image.rows - 5; y += 13)
        for (int x = 5; x < version.image.cols - 5; x += 13)
        {
            const cv::Point2d p = again.toPicture(cv::Point2d(x, y));
            if (!cv::Rect2d(2, 2, picture.cols - 5, picture.rows - 5).contains(p))
                continue;
            inside++;
            const cv::Vec3b expected = picture.at<cv::Vec3b>(cvRound(p.y), cvRound(p.x)), found = version.image.at<cv::Vec3b>(y, x);
            expectAtMost(cv::norm(cv::Vec3i(expected) - cv::Vec3i(found), cv::NORM_INF), 4, name + ": difference of colours");
            cv::Point2d back;
            CV_Assert(again.toVersion(p, back));
            expectAtMost(cv::norm(back - cv::Point2d(x, y)), 0.5, name + ": error of the inverse, pixels");
        }
    CV_Assert(inside > 50);
}

TRAIN_TEST(warpsSayWherePixelsComeFrom)
{
    Options options;
    options.colour = 0;
    const std::vector<cv::Point2f> points = { { 100, 60 }, { 200, 150 }, { 150, 100 } };
    for (const cv::Size& size : { cv::Size(300, 200), cv::Size(1500, 1200) })  // the second is warped smaller than it is
    {
        const cv::Mat picture = placePicture(size);
        int checked = 0;
        for (int i = 0; i < 16; i++)
        {
            const Version versions[] = { labelledVersion(picture, points, i, 5, options), warpedVersion(picture, i, 5, options) };
            for (const Version& version : versions)
            {
                const cv::Vec3b middle = version.image.at<cv::Vec3b>(version.image.rows / 2, version.image.cols / 2);
                if (middle[2] != 128)
                    continue;  // greyed
                checkWarp(picture, version, cv::format("%d", i));
                checked++;
            }
        }
        CV_Assert(checked > 16);
    }
}

TRAIN_TEST(versionsShowThePoints)
{
    Options options;
    const cv::Mat picture = makePicture(cv::Size(200, 160), 2);
    const std::vector<cv::Point2f> points = { { 5, 5 }, { 190, 10 }, { 100, 80 }, { 10, 150 }, { 180, 150 } };
    for (int i = 0; i < 20; i++)
    {
        const Version version = labelledVersion(picture, points, i, 1, options);
        int inside = 0;
        for (const cv::Point2f& p : points)
        {
            cv::Point2d q;
            inside += version.warp.toVersion(p, q) && cv::Rect2d(-0.5, -0.5, version.image.cols, version.image.rows).contains(q);
        }
        CV_Assert(inside >= 4);
        cv::Point2d left, right;
        CV_Assert(version.warp.toVersion(cv::Point2d(90, 80), left) && version.warp.toVersion(cv::Point2d(110, 80), right));
        CV_Assert((right.x < left.x) == (i % 2 == 1));  // odd ones are mirrored
        CV_Assert(cv::norm(version.image, labelledVersion(picture, points, i, 1, options).image, cv::NORM_INF) == 0);
    }
}

static cv::Scalar deviationOf(const cv::Mat& image)
{
    cv::Scalar mean, deviation;
    cv::meanStdDev(image, mean, deviation);
    return deviation;
}

// Contrast, brightness and saturation change with --colour, and nothing else does: not the place of any pixel.
TRAIN_TEST(coloursChangeAndPlacesDoNot)
{
    Options plain, coloured;
    plain.colour = 0;
    cv::Mat picture;
    makePicture(cv::Size(200, 160), 3).convertTo(picture, CV_8U, 0.6, 40);  // so that nothing is cut off at 0 and 255
    const std::vector<cv::Point2f> points = { { 100, 80 } };
    double darkest = 1, brightest = 1, least = 1, most = 1;
    for (int i = 2; i < 40; i++)
        for (const bool labelled : { true, false })
        {
            const auto make = [&](const Options& options)
            { return labelled ? labelledVersion(picture, points, i, 7, options) : warpedVersion(picture, i, 7, options); };
            const Version before = make(plain), after = make(coloured);
            CV_Assert(before.warp.toNumbers() == after.warp.toNumbers());
            const double brightness = cv::mean(after.image).dot(cv::Scalar(1, 1, 1)) / cv::mean(before.image).dot(cv::Scalar(1, 1, 1));
            const double contrast = cv::norm(deviationOf(after.image)) / cv::norm(deviationOf(before.image));
            darkest = std::min(darkest, brightness);
            brightest = std::max(brightest, brightness);
            least = std::min(least, contrast);
            most = std::max(most, contrast);
        }
    const double range = coloured.colour;
    expectAtMost(darkest, 1 - 0.7 * range, "the darkest version, of the plain one");
    expectAtMost(1 - darkest, 1.1 * range, "how much darker it is");
    expectAtMost(1 + 0.7 * range, brightest, "what the brightest version has to reach");
    expectAtMost(brightest, 1 + 1.1 * range, "the brightest version, of the plain one");
    expectAtMost(least, 1 - 0.7 * range, "the flattest version, of the plain one");
    expectAtMost(1 + 0.7 * range, most, "what the version of most contrast has to reach");
}

static StoredFeatures store(FeatureCache& cache, const std::string& recipe, int count, int& made)
{
    return cache.get(recipe, count, "made here", [] { return cv::Mat(); }, [&](const cv::Mat&, int number)
    {
        made++;
        const cv::Mat picture = makePicture(cv::Size(64, 48 + 16 * number), number);
        return Version{ picture, Warp(picture.size(), picture.size()) };
    });
}

static std::vector<fs::path> filesIn(const std::string& folder)
{
    std::vector<fs::path> files;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder))
        files.push_back(entry.path());
    return files;
}

TRAIN_TEST(cacheComputesOnce)
{
    const Backbone backbone = createBackbone(Options());
    const std::string folder = temporaryFolder();
    int made = 0;
    FeatureCache cache(folder, 1e9, backbone);
    const StoredFeatures stored = store(cache, "a", 2, made);
    CV_Assert(made == 2 && stored.count() == 2 && stored.channels() == 112);
    cv::Mat expected;
    backbone.net->compute(makePicture(cv::Size(64, 64), 1), expected);
    expectAtMost(maxDifference(stored.read(1).reshape(1, 1), expected.reshape(1, 1)), 1e-3, "rounding");
    FeatureCache again(folder, 1e9, backbone);
    CV_Assert(maxDifference(store(again, "a", 2, made).read(1).reshape(1, 1), stored.read(1).reshape(1, 1)) == 0 && made == 2);
    store(again, "b", 2, made);
    CV_Assert(made == 4);  // another recipe
    Options other;
    other.longestSide = 200;
    const Backbone smaller = createBackbone(other);
    FeatureCache third(folder, 1e9, smaller);
    store(third, "a", 2, made);
    CV_Assert(made == 6);  // another net
}

// Also where two sizes give the same for many pictures
TRAIN_TEST(cacheKeepsSizesApart)
{
    const std::string folder = temporaryFolder();
    const cv::Mat picture = makePicture(cv::Size(150, 100), 1);
    const auto plainVersion = [](const cv::Mat& image, int) { return Version{ image, Warp(image.size(), image.size()) }; };
    for (const int fineTune : { 0, 1 })
        for (const cv::Size& input : { cv::Size(), cv::Size(128, 96), cv::Size(144, 96) })
            for (const int longest : { 128, 0, 134 })
            {
                Options options;
                options.fineTune = fineTune;
                options.longestSide = longest;
                options.inputWidth = input.width;
                options.inputHeight = input.height;
                const Backbone backbone = createBackbone(options);
                FeatureCache cache(folder, 1e9, backbone);
                const cv::Mat found = cache.get("a", 1, "made here", [&] { return picture; }, plainVersion).read(0);
                const cv::Mat expected = backbone.computeOnce(picture);
                CV_Assert(found.size == expected.size);
                expectAtMost(cv::norm(found, expected, cv::NORM_INF) / cv::norm(expected, cv::NORM_INF), 1e-3, "rounding");
            }
}

TRAIN_TEST(recipesTellVersionsApart)
{
    Options options, other;
    options.turn = 3.14159;
    other.turn = 3.1415926;
    CV_Assert(versionRecipe(options) != versionRecipe(other));
}

TRAIN_TEST(cacheRepairsDamage)
{
    const Backbone backbone = createBackbone(Options());
    const std::string folder = temporaryFolder();
    int made = 0;
    FeatureCache cache(folder, 1e9, backbone);
    const cv::Mat expected = store(cache, "a", 1, made).read(0);
    const fs::path file = filesIn(folder).at(0);
    const uintmax_t size = fs::file_size(file);
    for (const uintmax_t length : { (uintmax_t)0, (uintmax_t)10, size / 2, size - 1 })
    {
        fs::resize_file(file, length);
        made = 0;
        CV_Assert(maxDifference(store(cache, "a", 1, made).read(0).reshape(1, 1), expected.reshape(1, 1)) == 0 && made == 1);
    }
    for (const uintmax_t place : { (uintmax_t)3, (uintmax_t)9, (uintmax_t)20, size / 2, size - 3 })
    {
        std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
        stream.seekg((std::streamoff)place);
        const char byte = (char)(stream.get() ^ 0x55);
        stream.seekp((std::streamoff)place);
        stream.put(byte);
        stream.close();
        made = 0;
        CV_Assert(maxDifference(store(cache, "a", 1, made).read(0).reshape(1, 1), expected.reshape(1, 1)) == 0 && made == 1);
    }
    CV_Assert(filesIn(folder).size() == 1);
}

TRAIN_TEST(cacheIsShared)
{
    const Backbone backbone = createBackbone(Options());
    FeatureCache cache(temporaryFolder(), 1e9, backbone);
    std::string computed;
    const auto collect = [&](int rank, int count)
    {
        int empty = 0;
        cache.setShare(rank, count);
        for (const char* name : { "a", "b", "c", "d", "e" })
        {
            int made = 0;
            empty += store(cache, name, 1, made).count() == 0;
            computed += made ? name : "";
        }
        return empty;
    };
    CV_Assert(collect(1, 3) == 3 && computed == "be");
    CV_Assert(collect(2, 3) == 4 && computed == "bec");
    CV_Assert(collect(0, 1) == 0 && computed == "becad");
}

TRAIN_TEST(cacheIsBounded)
{
    const Backbone backbone = createBackbone(Options());
    const std::string folder = temporaryFolder();
    int made = 0;
    {
        FeatureCache cache(folder, 1e9, backbone);
        store(cache, "old", 1, made);
        store(cache, "older", 1, made);
    }
    const double size = (double)fs::file_size(filesIn(folder).at(0));
    const auto now = fs::file_time_type::clock::now();
    for (const fs::path& file : filesIn(folder))
        fs::last_write_time(file, now - std::chrono::hours(1));
    FeatureCache cache(folder, 2.5 * size, backbone);
    store(cache, "old", 1, made);
    CV_Assert(made == 2);
    store(cache, "new", 1, made);  // "older" goes, "old" is in use
    CV_Assert(filesIn(folder).size() == 2);
    store(cache, "old", 1, made);
    CV_Assert(made == 3);
    expectThrows([&] { store(cache, "newer", 1, made); }, "--cache-limit");
}

static std::string padded(const std::string& content)
{
    return content + std::string((512 - content.size() % 512) % 512, '\0');
}

static std::string tarEntry(const std::string& name, char type, const std::string& content)
{
    std::string header(512, '\0');
    header.replace(0, std::min((size_t)100, name.size()), name, 0, 100);
    header.replace(124, 11, cv::format("%011o", (unsigned)content.size()));
    header[156] = type;
    header.replace(257, 5, "ustar");
    return header + padded(content);
}

static const std::string END_MARK(1024, '\0');

static void writeFile(const std::string& file, const std::string& content)
{
    std::ofstream(file, std::ios::binary | std::ios::trunc) << content;
}

TRAIN_TEST(photosFromATarFile)
{
    const std::string folder = temporaryFolder(), tar = folder + "/photos.tar";
    std::string content;
    for (const char* name : { "b.png", "notes.txt", "a.JPG" })
        content += tarEntry(name, '0', "content of ");
    content += END_MARK;
    writeFile(tar, content);
    const Photos photos(tar, 0);
    CV_Assert(photos.size() == 2 && photos.name(0) == tar + ":a.JPG" && photos.name(1) == tar + ":b.png");
    const std::vector<uchar> bytes = photos.bytes(1);
    CV_Assert(std::string(bytes.begin(), bytes.end()) == "content of ");
    CV_Assert(Photos(tar, 1).size() == 1);
    expectThrows([&] { decodePicture(photos.bytes(0), photos.name(0)); }, "a.JPG");
    for (size_t length = 1; length < 6 * 512; length += 97)  // 512, where an entry ends, is no multiple
    {
        writeFile(tar, content.substr(0, length));
        expectThrows([&] { Photos(tar, 0); }, "cut short");
    }
    writeFile(tar, std::string(2000, 'x'));
    expectThrows([&] { Photos(tar, 0); }, "is damaged at byte 0");
    writeFile(tar, "");
    expectThrows([&] { Photos(tar, 0); }, "holds no picture");
    expectThrows([&] { Photos(folder, 0); }, "holds no picture");
    expectThrows([&] { Photos(folder + "/none", 0); }, "does not exist");
}

// Those of GNU's programs, and of POSIX's later format
TRAIN_TEST(photosOfLongNamesInATarFile)
{
    const std::string tar = temporaryFolder() + "/photos.tar", name = std::string(150, 'x') + "/b.png";
    const std::string path = "170 path=" + std::string(154, 'y') + "/c.png\n";
    CV_Assert(path.size() == 170);
    std::string larger = tarEntry("d.png", '0', "content");  // its size is in its pax header only
    larger.replace(124, 11, "00000000000");
    writeFile(tar, tarEntry("././@LongLink", 'L', name + '\0') + tarEntry(name, '0', "long") + tarEntry("a.png", '0', "short") +
                   tarEntry("g", 'g', "10 path=g\n") + tarEntry("x", 'x', "14 mtime=12.5\n" + path) + tarEntry("cut", '0', "pax") +
                   tarEntry("x", 'x', "10 size=7\n") + larger + END_MARK);
    const Photos photos(tar, 0);
    CV_Assert(photos.size() == 4);
    std::string all;
    for (size_t i = 0; i < photos.size(); i++)
    {
        const std::vector<uchar> bytes = photos.bytes(i);
        all += photos.name(i).substr(tar.size() + 1) + " " + std::string(bytes.begin(), bytes.end()) + "\n";
    }
    CV_Assert(all == "a.png short\nd.png content\n" + name + " long\n" + path.substr(9, 160) + " pax\n");
    for (const char* record : { "x", "9 path=a.png\n", "900 path=a\n", "0 path=a.png\n", "-5 path=a\n", "7 path\n", "9 size=x\n", "11 size=-1\n",
                                "28 size=9223372036854775807\n" })
    {
        writeFile(tar, tarEntry("x", 'x', record) + tarEntry("a.png", '0', "a") + END_MARK);
        expectThrows([&] { Photos(tar, 0); }, "is damaged at byte 0");
    }
}

TRAIN_TEST(scheduleRisesAndFalls)
{
    expectAtMost(std::abs(oneCycle(0, 100, 0.2) - 0.04), 1e-9, "error of the first rate");
    expectAtMost(std::abs(oneCycle(19, 100, 0.2) - 1), 1e-9, "error of the largest rate");
    expectAtMost(oneCycle(99, 100, 0.2), 1e-5, "the last rate");
    for (int i = 1; i < 100; i++)
        CV_Assert((oneCycle(i, 100, 0.2) > oneCycle(i - 1, 100, 0.2)) == (i <= 19));
    CV_Assert(std::isfinite(oneCycle(0, 1, 0.2)));
}

static void savedState(const std::string& file, const Options& options, TrainingState& state, torch::optim::AdamW& optimizer)
{
    state.optimizer = &optimizer;
    state.step = 3;
    state.history.losses = { 3, 2, 1 };
    state.history.validated = { 2 };
    state.history.pck = { { 0.1, 0.2, 0.3 } };
    saveCheckpoint(file, state, learningOptions(options), "made by a test\n");
}

static void writeVersion(const std::string& file, int64_t version)
{
    torch::serialize::OutputArchive archive;
    archive.write("version", torch::tensor(version));
    std::ostringstream stream;
    archive.save_to(stream);
    const std::string content = stream.str();
    cv::semcorr::saveBytes(file, content + cv::semcorr::sha256(content.data(), content.size()));
}

TRAIN_TEST(checkpointsThatCannotBeUsed)
{
    Options options;
    options.adapter = "linear";
    const std::vector<float> mean(4, 0.f);
    TrainingState state = { 0, Model(options, mean), Model(options, mean), nullptr, History() };
    torch::optim::AdamW optimizer(state.model->parameters(), torch::optim::AdamWOptions(1e-3));
    const std::string file = temporaryFolder() + "/checkpoint.pt";
    savedState(file, options, state, optimizer);
    state.step = 0;
    state.history = History();
    loadCheckpoint(file, state, learningOptions(options));
    CV_Assert(state.step == 3 && state.history.losses.size() == 3 && state.history.pck.at(0).at(2) == 0.3);

    std::vector<std::string> fewer = learningOptions(options), more = fewer;  // of earlier and of later programs
    fewer.erase(std::find(fewer.begin(), fewer.end(), "start-with: all"));
    saveCheckpoint(file, state, fewer, "");
    loadCheckpoint(file, state, learningOptions(options));
    Options changed = options;
    changed.startWith = "adapter";
    expectThrows([&] { loadCheckpoint(file, state, learningOptions(changed)); }, "\"start-with: all\" there, \"start-with: adapter\" now");
    more.push_back("later: 5");
    saveCheckpoint(file, state, more, "");
    checkCheckpoint(file, learningOptions(options));  // of some lines only
    expectThrows([&] { loadCheckpoint(file, state, learningOptions(options)); }, "\"later: 5\" there, nothing now");
    savedState(file, options, state, optimizer);

    Options other = options;
    other.rate = 0.001;
    expectThrows([&] { loadCheckpoint(file, state, learningOptions(other)); }, "\"rate: 0.003\" there, \"rate: 0.001\" now");
    expectThrows([&] { loadCheckpoint(file + "x", state, learningOptions(options)); }, "checkpoint.ptx");
    const std::vector<float> wide(5, 0.f);
    TrainingState larger = { 0, Model(options, wide), Model(options, wide), &optimizer, History() };
    expectThrows([&] { loadCheckpoint(file, larger, learningOptions(options)); }, "of another net");
    const uintmax_t size = fs::file_size(file);
    for (const uintmax_t length : { (uintmax_t)0, (uintmax_t)50, size / 2, size - 1 })
    {
        savedState(file, options, state, optimizer);
        fs::resize_file(file, length);
        expectThrows([&] { loadCheckpoint(file, state, learningOptions(options)); }, "is damaged");
    }
    for (const int64_t version : { 1, 3 })  // those of earlier programs, and of later ones
    {
        writeVersion(file, version);
        const std::string words = cv::format("is of version %d, expected 2", (int)version);
        expectThrows([&] { loadCheckpoint(file, state, learningOptions(options)); }, words);
        expectThrows([&] { loadStart(file, state.model, "rate: 0.003", true); }, words);
    }
}

// Has written a checkpoint
struct EarlierRun
{
    EarlierRun()
    {
        options.adapterHidden = 6;
        averaged = Model(options, mean);
        TrainingState state = { 3, Model(options, mean), averaged, nullptr, History() };
        torch::optim::AdamW optimizer(state.model->parameters(), torch::optim::AdamWOptions(1e-3));
        savedState(file, options, state, optimizer);
    }

    Options options;
    const std::vector<float> mean = std::vector<float>(8, 0.1f);
    const std::string file = temporaryFolder() + "/checkpoint.pt";
    Model averaged{ nullptr };
};

// The mean that an adapter was trained with comes along; another number of blocks does not fit.
TRAIN_TEST(startsFromAnotherRun)
{
    EarlierRun run;
    Options options = run.options;
    options.rate = 1;  // may differ
    Model model(options, std::vector<float>(8, 0.2f));
    CV_Assert(loadStart(run.file, model, "rate: 0.003", true).provenance == "made by a test\n");
    const torch::Tensor features = torch::randn({ 1, 8, 3, 4 }), mask = torch::ones({ 1, 1, 3, 4 });
    const torch::Tensor expected = run.averaged->adapter->forward(features, mask);
    CV_Assert(maxDifference(model->adapter->forward(features, mask), expected) == 0);
    CV_Assert(model->adapter->centre({}) == run.mean);
    for (size_t i = 0; i < model->parameters().size(); i++)
        CV_Assert(maxDifference(model->parameters()[i], run.averaged->parameters()[i]) == 0);

    expectThrows([&] { loadStart(run.file, model, "rate: 0.00", true); }, "another backbone");
    options.adapterBlocks = 3;
    Model larger(options, std::vector<float>(8, 0.2f));
    expectThrows([&] { loadStart(run.file, larger, "rate: 0.003", true); }, "adapter.block2_widen_weight: 6 8 1 1");
}

// A scoring net of another kind keeps the weights that it begins with.
TRAIN_TEST(startsFromAnotherRunsAdapter)
{
    EarlierRun run;
    Options options = run.options;
    options.method = "ncnet";
    Model model(options, run.mean);
    std::vector<torch::Tensor> before;
    for (const torch::Tensor& p : model->method->parameters())
        before.push_back(p.detach().clone());
    expectThrows([&] { loadStart(run.file, model, "rate: 0.003", true); }, "of another net");
    loadStart(run.file, model, "rate: 0.003", false);
    const torch::Tensor features = torch::randn({ 1, 8, 3, 4 }), mask = torch::ones({ 1, 1, 3, 4 });
    CV_Assert(maxDifference(model->adapter->forward(features, mask), run.averaged->adapter->forward(features, mask)) == 0);
    for (size_t i = 0; i < before.size(); i++)
        CV_Assert(maxDifference(model->method->parameters()[i], before[i]) == 0);
    options.adapterBlocks = 3;
    Model larger(options, run.mean);
    expectThrows([&] { loadStart(run.file, larger, "rate: 0.003", false); }, "adapter.block2_widen_weight: 6 8 1 1");
}

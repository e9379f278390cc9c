// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test.hpp"

#include "batch.hpp"
#include "file_io.hpp"
#include "dense_method.hpp"
#include "losses.hpp"
#include "model.hpp"
#include "onnx_adapter.hpp"
#include "score_net.hpp"
#include "tensors.hpp"

using namespace train;
using torch::Tensor;

// Two pictures' features of unit length, alone and padded to one batch of two
struct Pictures
{
    cv::Mat grids[2];
    Tensor features, mask;

    Pictures(const cv::Size& size1, const cv::Size& size2, int channels)
    {
        const cv::Size sizes[] = { size1, size2 };
        const int64_t h = std::max(size1.height, size2.height), w = std::max(size1.width, size2.width);
        features = torch::zeros({ 2, channels, h, w });
        mask = torch::zeros({ 2, 1, h, w });
        for (int i = 0; i < 2; i++)
        {
            Tensor f = torch::randn({ sizes[i].height, sizes[i].width, channels });
            f = f / f.norm(2, 2, true);
            grids[i] = toMat(f);
            features[i].narrow(1, 0, sizes[i].height).narrow(2, 0, sizes[i].width).copy_(f.permute({ 2, 0, 1 }));
            mask[i].narrow(1, 0, sizes[i].height).narrow(2, 0, sizes[i].width).fill_(1);
        }
    }
};

static cv::Size gridOf(const cv::Mat& features)
{
    return cv::Size(features.size[1], features.size[0]);
}

static void randomize(torch::nn::Module& module)
{
    torch::NoGradGuard guard;
    for (Tensor& p : module.parameters())
        p.copy_(torch::randn_like(p) / std::sqrt((double)p.numel() / p.size(0)));
}

static void checkProxy(const std::string& net, double residual)
{
    torch::manual_seed(7);
    Options options;
    options.net = net;
    options.residual = residual;
    options.netChannels = 5;
    ScoreNet scoreNet(options);
    randomize(*scoreNet);
    scoreNet->eval();
    const cv::Size size1(7, 9), size2(11, 6);
    const Pictures pictures(size1, size2, 10);
    const std::vector<cv::Point> sources = { { 0, 0 }, { 6, 8 }, { 0, 8 }, { 3, 4 }, { 1, 0 } };
    Tensor cells = torch::zeros({ 1, (int64_t)sources.size(), 2 }, torch::kLong);
    for (size_t i = 0; i < sources.size(); i++)
    {
        cells[0][(int64_t)i][0] = sources[i].x;
        cells[0][(int64_t)i][1] = sources[i].y;
    }
    const Tensor logits = scoreNet->forward(pictures.features.narrow(0, 0, 1), pictures.features.narrow(0, 1, 1), cells);
    const cv::Ptr<cv::semcorr::ConsensusNet> inference = scoreNet->toConsensusNet();
    for (size_t i = 0; i < sources.size(); i++)
    {
        std::vector<cv::Point> from, to;
        for (int j = 0; j < size2.area(); j++)
        {
            from.push_back(sources[i]);
            to.push_back(cv::Point(j % size2.width, j / size2.width));
        }
        cv::Mat scores;
        inference->scorePairs(pictures.grids[0], pictures.grids[1], from, to, scores);
        const Tensor inside = logits[0][(int64_t)i].narrow(0, 0, size2.height).narrow(1, 0, size2.width).contiguous();
        const Tensor expected = toTensor(scores.reshape(1, size2.height));
        expectAtMost(maxDifference(inside, expected) / expected.abs().max().item<double>(), 1e-4, net + ": difference of scores");
    }
}

TRAIN_TEST(proxyEqualsScorePairs)
{
    checkProxy("3-3", 10);
    checkProxy("3-3", 0);
    checkProxy("5-3", 1);
    checkProxy("3-3-3", 2);
    checkProxy("1", 0);
    checkProxy("none", 10);
}

// Masks n×1×h×w of both sides as one, n×h1×w1×h2×w2
static Tensor maskOfPairs(const Tensor& mask1, const Tensor& mask2)
{
    return mask1.squeeze(1).unsqueeze(3).unsqueeze(4) * mask2.unsqueeze(1);
}

TRAIN_TEST(denseNetsEqualForward)
{
    const std::pair<const char*, const char*> nets[] = { { "ncnet", "3-3" }, { "ncnet", "5-3-5" }, { "ncnet", "3" }, { "ancnet", "A" },
                                                         { "ancnet", "B" }, { "ancnet", "C" } };
    for (const auto& named : nets)
    {
        torch::manual_seed(5);
        Options options;
        options.method = named.first;
        options.net = named.second;
        options.netChannels = 4;
        options.residual = named.second == std::string("3-3") ? 2 : 0;
        DenseNet net(options);
        randomize(*net);
        net->eval();
        const Tensor correlation = torch::randn({ 2, 6, 5, 4, 7 });
        const Tensor found = net->forward(correlation, torch::ones_like(correlation));
        const cv::Ptr<cv::semcorr::ConsensusNet> inference = net->toConsensusNet();
        for (int i = 0; i < 2; i++)
        {
            cv::Mat scores;
            inference->forward(toMat(correlation[i]), scores);
            const Tensor expected = toTensor(scores);
            CV_Assert(expected.abs().max().item<double>() > 0);
            expectAtMost(maxDifference(found[i], expected) / expected.abs().max().item<double>(), 1e-4,
                         std::string(named.first) + " " + named.second + ": difference of scores");
        }
    }
}

// What is positive passes through, once for each of the two directions of a symmetric unit; NC-Net has one, ANC-Net two or three. The
// last layer makes five times as much of it.
TRAIN_TEST(densePassOnTheCorrelationToBeginWith)
{
    const std::tuple<const char*, const char*, double> nets[] = { { "ncnet", "3-3", 10 }, { "ncnet", "5-5-5", 10 }, { "ancnet", "A", 20 },
                                                                  { "ancnet", "B", 40 }, { "ancnet", "C", 40 } };
    for (const auto& named : nets)
    {
        torch::manual_seed(5);
        Options options;
        options.method = std::get<0>(named);
        options.net = std::get<1>(named);
        options.residual = 0;
        const Tensor correlation = torch::randn({ 1, 5, 4, 6, 5 }), positive = torch::relu(correlation);
        const auto distance = [&]()
        {
            DenseNet net(options);
            net->eval();
            const Tensor found = net->forward(correlation, torch::ones_like(correlation)) / std::get<2>(named);
            return ((found - positive).norm() / positive.norm()).item<double>();
        };
        options.netStart = "identity";
        expectAtMost(distance(), 0.2, std::string(std::get<0>(named)) + " " + options.net + ": scores away from the correlation");
        options.netStart = "random";
        CV_Assert(distance() > 0.5);
    }
}

// Net, filters and branch against what a model file's matcher does, with pictures of different sizes in one batch
TRAIN_TEST(denseMethodsEqualTheMatcher)
{
    for (const char* method : { "ncnet", "ancnet" })
    {
        torch::manual_seed(6);
        Options options;
        options.method = method;
        options.net = method == std::string("ncnet") ? "3-3" : "C";
        options.loss = "ancnet";  // whose matcher gives raw scores
        options.residual = 0;
        options.selfSimilarity = method == std::string("ancnet");
        DenseMethod dense(options);
        randomize(dense);
        for (Tensor& p : dense.parameters())
            p.detach().abs_();  // else the last ReLU may leave nothing
        dense.eval();
        const Pictures pictures(cv::Size(7, 6), cv::Size(5, 8), 10);
        const Tensor swapped = pictures.features.flip(0), mask = pictures.mask.flip(0);
        const Tensor scores = dense.scores(pictures.features, pictures.mask, swapped, mask);
        expectAtMost((scores * (1 - maskOfPairs(pictures.mask, mask))).abs().max().item<double>(), 0, "scores outside");
        const cv::Ptr<cv::semcorr::Matcher> matcher = dense.toMatcher(cv::semcorr::FeatureNet::create());
        for (int i = 0; i < 2; i++)
        {
            cv::Mat field, best;
            const cv::Mat &grid1 = pictures.grids[i], &grid2 = pictures.grids[1 - i];
            matcher->matchFeatures(grid1, grid2, field, best);
            const Tensor inside = scores[i].narrow(0, 0, grid1.size[0]).narrow(1, 0, grid1.size[1]).narrow(2, 0, grid2.size[0])
                                      .narrow(3, 0, grid2.size[1]);
            const Tensor expected = toTensor(best);
            CV_Assert(expected.abs().max().item<double>() > 0);
            expectAtMost(maxDifference(inside.amax({ 2, 3 }), expected) / expected.abs().max().item<double>(), 1e-4,
                         std::string(method) + ": difference of scores");
        }
    }
}

TRAIN_TEST(matchabilityOfKnownScores)
{
    // one source cell, two targets, and a third outside the grid
    const Tensor scores = torch::tensor({ 0.f, 2.f, 50.f }).view({ 1, 1, 1, 1, 3 });
    const Tensor mask1 = torch::ones({ 1, 1, 1, 1 }), mask2 = torch::tensor({ 1.f, 1.f, 0.f }).view({ 1, 1, 1, 3 });
    const double forth = 1 / (1 + std::exp(-2.)), back = 1;  // a single choice is sure
    expectAtMost(std::abs(matchability(scores, mask1, mask2).item<double>() - (forth + back) / 2), 1e-6, "error of the measure");
}

TRAIN_TEST(rowLossOfKnownScores)
{
    // two source cells, three targets in a row; a blur so small that a point is a cell
    const Tensor mask1 = torch::ones({ 1, 1, 1, 2 }), mask2 = torch::ones({ 1, 1, 1, 3 }), valid = torch::ones({ 1, 2 });
    const Tensor scores = torch::tensor({ 2.f, 0.f, 0.f, 0.f, 3.f, 1.f }).view({ 1, 1, 2, 1, 3 });
    const Tensor cells1 = torch::tensor({ 0.f, 0.f, 0.5f, 0.f }).view({ 1, 2, 2 });
    const Tensor cells2 = torch::tensor({ 0.f, 0.f, 1.f, 0.f }).view({ 1, 2, 2 });
    // rows (1, 0, 0) and (1, 1.5, 0.5) / 3; wanted (1, 0, 0) and (0, 1, 0)
    const double distance = std::sqrt(1. / 9 + 1. / 4 + 1. / 36);
    const double product = 1. / 3, square = (1 + 2.25 + 0.25) / 9;
    const double orthogonal = std::sqrt(2 * product * product + (square - 1) * (square - 1));
    const auto loss = [&](const Tensor& counted, double weight)
    { return rowLoss(scores, mask1, cells1, mask2, cells2, counted, 0.1, weight).item<double>(); };
    expectAtMost(std::abs(loss(valid, 0) - distance / 2), 1e-5, "error of the distances");
    expectAtMost(std::abs(loss(valid, 0.1) - (distance + 0.1 * orthogonal) / 2), 1e-5, "error of the loss");
    expectAtMost(loss(torch::tensor({ 1.f, 0.f }).view({ 1, 2 }), 0.1), 1e-5, "loss of a point that is right");
}

TRAIN_TEST(adaptersKeepPicturesOfABatchApart)
{
    for (const char* kind : { "none", "linear", "context" })
    {
        torch::manual_seed(3);
        Options options;
        options.adapter = kind;
        options.adapterHidden = 6;
        Adapter adapter(options, std::vector<float>(8, 0.1f));
        const Pictures pictures(cv::Size(5, 8), cv::Size(9, 4), 8);
        const Tensor together = adapter->forward(pictures.features, pictures.mask);
        expectAtMost((together * (1 - pictures.mask)).abs().max().item<double>(), 0, "features outside");
        for (int i = 0; i < 2; i++)
        {
            const Batch::Side side = makeSide(pictures.grids[i], gridOf(pictures.grids[i]), torch::kCPU);
            const Tensor alone = adapter->forward(side.features, side.mask);
            const Tensor part = together.narrow(0, i, 1).narrow(2, 0, alone.size(2)).narrow(3, 0, alone.size(3));
            expectAtMost(maxDifference(alone, part), 1e-6, std::string(kind) + ": difference of features");
            expectAtMost((alone.square().sum(1) - 1).abs().max().item<double>(), 1e-3, "difference of squared length from 1");
        }
    }
}

// What a model file computes is what was trained.
TRAIN_TEST(modelFilesGiveTheSameFeatures)
{
    for (const char* kind : { "none", "linear", "context" })
    {
        torch::manual_seed(4);
        Options options;
        options.adapter = kind;
        options.net = "3-3";
        options.adapterHidden = 200;
        options.adapterChannels = std::string(kind) == "none" ? 0 : 120;
        const Backbone backbone = createBackbone(options);
        const std::vector<float> mean(112, 0.05f);
        Model model(options, mean);
        randomize(*model->method);
        model->eval();
        const std::string file = temporaryFolder() + "/model.yml";
        saveModel(file, *model, backbone, "a test");
        expectAtMost((double)cv::semcorr::loadBytes(file, 1 << 30).size(), 600e3, "bytes of the file, which only names the backbone");
        const cv::Ptr<cv::semcorr::Matcher> matcher = cv::semcorr::Matcher::create(file);
        for (const cv::Size& size : { cv::Size(320, 240), cv::Size(150, 200) })
        {
            const cv::Mat picture = makePicture(size, 1);
            cv::Mat raw, expected;
            backbone.net->compute(picture, raw);
            matcher->getFeatureNet()->compute(picture, expected);
            const Tensor found = model->features(makeSide(raw, gridOf(raw), torch::kCPU))[0].permute({ 1, 2, 0 }).contiguous();
            expectAtMost(maxDifference(found.detach(), toTensor(expected)), 1e-3, std::string(kind) + ": difference of features");
        }
        std::vector<cv::Mat> weights, biases;
        matcher->getConsensusNet()->getBlock(0, weights, biases);
        expectAtMost(maxDifference(toTensor(weights[0]), model->method->parameters()[0].detach()), 0, "difference of weights");
    }
}

TRAIN_TEST(adaptersFollowTheBytesOfTheirNet)
{
    Options options;
    options.adapterHidden = 6;
    const std::vector<uchar> onnx = createBackbone(options).onnx;
    const Adapter adapter(options, std::vector<float>(112, 0.f));
    const std::vector<uchar> both = appendAdapter(onnx, "block10", *adapter, true);
    CV_Assert(both.size() > onnx.size() && std::equal(onnx.begin(), onnx.end(), both.begin()));
    CV_Assert((onnxOutputs(both) == std::vector<std::string>{ ADAPTED, "block10" }));
    expectThrows([&] { appendAdapter(both, "block10", *adapter, true); }, "has an output \"adapted\" already");
    expectThrows([&] { appendAdapter(onnx, "block11", *adapter, true); }, "has no output \"block11\"");
}

TRAIN_TEST(identityStartKeepsTheFeatures)
{
    for (const char* kind : { "linear", "context" })
    {
        Options options;
        options.adapter = kind;
        options.adapterStart = "identity";
        options.adapterHidden = 6;
        Adapter adapter(options, std::vector<float>(8, 0.f));
        const Pictures pictures(cv::Size(5, 8), cv::Size(9, 4), 8);
        const Tensor found = adapter->forward(pictures.features, pictures.mask);
        expectAtMost(maxDifference(found, pictures.features), 1e-6, "difference of features");
    }
    Options options;
    options.adapterStart = "identity";
    options.adapterChannels = 5;
    expectThrows([&] { Adapter(options, std::vector<float>(8, 0.f)); }, "expected 8 channels");
}

TRAIN_TEST(holdLossIsHowFarPhotosMove)
{
    const Tensor before = train::unitLength(torch::randn({ 3, 8, 4, 5 })), mask = torch::ones({ 3, 1, 4, 5 });
    mask[0].narrow(1, 2, 2).zero_();
    const Tensor after = before.clone();
    after[0].narrow(1, 0, 1).neg_();  // one row of the two in the grid: cosine -1 instead of 1
    after[1].zero_();                 // a picture that may change
    const Tensor counts = torch::tensor({ 1.f, 0.f, 1.f });
    expectAtMost(std::abs(holdLoss(after * mask, before * mask, mask, counts).item<double>() - 1. / 3), 1e-5, "error of the loss");
}

// Nothing to hold at the start, whatever is centred and scaled; then the term grows.
TRAIN_TEST(holdBeginsAtTheIdentity)
{
    for (const std::string kind : { "linear", "context" })
    {
        Options options;
        options.adapter = kind;
        options.adapterStart = "identity";
        Adapter adapter(options, std::vector<float>(8, 0.1f));
        const Tensor features = train::unitLength(torch::randn({ 2, 8, 4, 5 })), mask = torch::ones({ 2, 1, 4, 5 });
        const auto moved = [&]
        {
            return holdLoss(adapter->forward(features, mask), adapter->identity(features, mask), mask, torch::ones({ 2 })).item<double>();
        };
        expectAtMost(std::abs(moved()), 1e-4, "moved by the identity");
        torch::NoGradGuard guard;
        for (torch::Tensor& p : adapter->parameters())
            p.add_(torch::randn_like(p));
        CV_Assert(moved() > 0.1);
    }
}

TRAIN_TEST(proxyLossOfKnownScores)
{
    // two cells, sigma so small that all of the target lies in the nearest one
    const Tensor scores = torch::tensor({ 1.f, 3.f }).view({ 1, 1, 1, 2 }), mask = torch::ones({ 1, 1, 1, 2 });
    const Tensor cells = torch::tensor({ 1.1f, 0.f }).view({ 1, 1, 2 }), valid = torch::ones({ 1, 1 });
    const double known = std::log(1 + std::exp(-2.));
    expectAtMost(std::abs(proxyLoss(scores, mask, cells, valid, 0.1).item<double>() - known), 1e-6, "error of the loss");
    // a target outside the grid takes no part
    const Tensor more = torch::cat({ scores, torch::full({ 1, 1, 1, 1 }, 100.f) }, 3);
    const Tensor grid = torch::cat({ mask, torch::zeros({ 1, 1, 1, 1 }) }, 3);
    expectAtMost(std::abs(proxyLoss(more, grid, cells, valid, 0.1).item<double>() - known), 1e-6, "error of the loss");
    // the mean over pairs of the mean over the points that count; a pair without any adds nothing
    const Tensor many = torch::randn({ 3, 2, 4, 5 }), all = torch::ones({ 3, 1, 4, 5 }), places = torch::rand({ 3, 2, 2 }) * 3;
    const Tensor some = torch::tensor({ 1.f, 0.f, 1.f, 1.f, 0.f, 0.f }).view({ 3, 2 });
    const auto single = [&](int64_t pair, int64_t point)
    {
        const Tensor place = places[pair][point].view({ 1, 1, 2 });
        return proxyLoss(many[pair][point].view({ 1, 1, 4, 5 }), all.narrow(0, 0, 1), place, valid, 0.7).item<double>();
    };
    const double expected = (single(0, 0) + (single(1, 0) + single(1, 1)) / 2) / 3;
    expectAtMost(std::abs(proxyLoss(many, all, places, some, 0.7).item<double>() - expected), 1e-6, "error of the loss");
}

TRAIN_TEST(damagedNetsAreRefused)
{
    expectThrows([] { onnxOutputs(std::vector<uchar>(100, 0xff)); }, "expected an ONNX net");
    expectThrows([] { onnxOutputs(std::vector<uchar>()); }, "expected an ONNX net");
}

// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test.hpp"

#include <cstdlib>
#include <exception>
#include <thread>

#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "model.hpp"
#include "opencv2/imgcodecs.hpp"
#include "processes.hpp"

using namespace train;
using torch::Tensor;

typedef std::chrono::milliseconds Milliseconds;

// Threads that stand for processes; throws what the first of them throws
static void runProcesses(int size, const Milliseconds& patience, const std::function<void(Processes&)>& work)
{
    c10d::TCPStoreOptions options;
    options.port = 0;  // any that is free
    options.isServer = true;
    const auto store = c10::make_intrusive<c10d::TCPStore>("localhost", options);
    std::vector<std::exception_ptr> errors(size);
    std::vector<std::thread> threads;
    for (int rank = 0; rank < size; rank++)
        threads.push_back(std::thread([&, rank]()
        {
            Place place;
            place.rank = rank;
            place.size = size;
            place.host = "localhost";
            place.port = store->getPort();
            place.served = true;
            try
            {
                Processes processes(place, patience);
                work(processes);
            }
            catch (...)
            {
                errors[rank] = std::current_exception();
            }
        }));
    for (std::thread& thread : threads)
        thread.join();
    for (const std::exception_ptr& error : errors)
        if (error)
            std::rethrow_exception(error);
}

TRAIN_TEST(processesAddUp)
{
    std::vector<Tensor> inputs, results(3);
    torch::manual_seed(1);
    for (int i = 0; i < 3; i++)
        inputs.push_back(torch::randn({ 7, 6, 5, 4 }));
    runProcesses(3, Milliseconds(60000), [&](Processes& processes)
    {
        const int rank = processes.place.rank;
        const Tensor strided = inputs[rank].contiguous(torch::MemoryFormat::ChannelsLast).clone(), one = torch::full({ 1 }, rank);
        processes.sum({ strided, one.to(torch::kFloat) });
        results[rank] = strided;
        processes.wait();
        processes.checkSame("a", "letter");
    });
    for (int i = 0; i < 3; i++)
    {
        expectAtMost(maxDifference(results[i], inputs[0] + inputs[1] + inputs[2]), 1e-6, "error of the sum");
        CV_Assert(torch::equal(results[i], results[0]));
    }
    Tensor alone = inputs[0].clone();
    Processes().sum({ alone });
    CV_Assert(torch::equal(alone, inputs[0]));
}

TRAIN_TEST(processesStartFromTheSame)
{
    expectThrows([]()
    {
        runProcesses(2, Milliseconds(60000), [](Processes& processes)
        {
            processes.checkSame(processes.isFirst() ? "a" : "b", "letter");
        });
    }, "process 1 has not the same letter as process 0");
}

// One ends while the others wait for it, or does not come in time; in neither case do they wait for ever.
TRAIN_TEST(processesNoticeThatOneIsMissing)
{
    const std::string words = "another process has ended or does not answer";
    expectThrows([]()
    {
        runProcesses(3, Milliseconds(60000), [](Processes& processes)
        {
            processes.wait();  // all have reached each other
            if (processes.place.rank != 1)
                processes.wait();
        });
    }, words);
    expectThrows([]()
    {
        runProcesses(2, Milliseconds(500), [](Processes& processes)
        {
            if (!processes.isFirst())
                std::this_thread::sleep_for(Milliseconds(2000));
            processes.sum({ torch::zeros({ 1 }) });
        });
    }, words);
    Place alone;
    alone.size = 2;
    alone.rank = 1;
    alone.host = "localhost";
    alone.port = 1;
    expectThrows([&]() { Processes(alone, Milliseconds(300)); }, "process 1 of 2 does not reach the others by localhost:1 ");
}

TRAIN_TEST(processesShareEverything)
{
    for (const int count : { 3, 7, 1000000001 })
        for (const int size : { 1, 2, 3 })
        {
            Place place;
            place.size = size;
            int next = 0;
            for (place.rank = 0; place.rank < size; place.rank++)
            {
                const cv::Range part = place.share(count);
                CV_Assert(part.start == next && part.size() >= count / size && part.size() <= count / size + 1);
                next = part.end;
            }
            CV_Assert(next == count);
        }
}

static void setVariables(const std::vector<std::pair<std::string, std::string> >& variables)
{
    for (const char* name : { "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT",
                              "TORCHELASTIC_USE_AGENT_STORE", "TORCHELASTIC_RESTART_COUNT" })
        unsetenv(name);
    for (const auto& variable : variables)
        setenv(variable.first.c_str(), variable.second.c_str(), 1);
}

TRAIN_TEST(processesFromTheEnvironment)
{
    setVariables({});
    CV_Assert(Place::fromEnvironment().size == 1);
    setVariables({ { "RANK", "0" }, { "WORLD_SIZE", "1" } });
    CV_Assert(Place::fromEnvironment().size == 1);
    std::vector<std::pair<std::string, std::string> > good = { { "RANK", "5" }, { "WORLD_SIZE", "6" }, { "LOCAL_RANK", "1" },
        { "LOCAL_WORLD_SIZE", "2" }, { "MASTER_ADDR", "there" }, { "MASTER_PORT", "1234" } };
    setVariables(good);
    const Place place = Place::fromEnvironment();
    CV_Assert(place.rank == 5 && place.size == 6 && place.localRank == 1 && place.localSize == 2 && place.host == "there" &&
              place.port == 1234 && !place.served);
    const std::vector<std::pair<size_t, std::string> > bad = { { 0, "" }, { 0, "6" }, { 0, "-1" }, { 0, "one" }, { 0, "1.5" },
        { 1, "" }, { 1, "0" }, { 1, "99999999999999999999" }, { 2, "x" }, { 3, "7" }, { 4, "" }, { 5, "0" }, { 5, "65536" } };
    for (const auto& change : bad)
    {
        auto variables = good;
        variables[change.first].second = change.second;
        setVariables(variables);
        expectThrows([]() { Place::fromEnvironment(); }, variables[change.first].first);
    }
}

// Gradients of a part of a step's batch, as if another process had the rest
static std::vector<Tensor> gradients(Model& model, const TrainingData& data, const Options& options, int first, int count)
{
    const int step = 4;  // one in which pairs 0 and 2 have different pictures
    model->zero_grad();
    (model->loss(makeBatch(data, options, step, first, count, torch::kCPU)) * ((double)count / options.batch)).backward();
    std::vector<Tensor> all;
    for (const Tensor& p : model->parameters())
        all.push_back(p.grad().clone());
    return all;
}

// Parts are padded differently, as pictures differ in size, and NC-Net's loss pairs pictures across parts.
TRAIN_TEST(partsOfABatchAddUpToIt)
{
    Options options;
    options.photos = temporaryFolder();
    for (int i = 0; i < 6; i++)
        cv::imwrite(options.photos + cv::format("/%d.png", i), makePicture(cv::Size(96 + 32 * (i % 3), 128 - 32 * (i % 2)), i));
    options.precision = "float";
    options.adapterHidden = 16;
    options.batch = 5;
    options.longestSide = 128;
    options.fineTune = 1;
    const Backbone backbone = createBackbone(options);
    FeatureCache cache(temporaryFolder(), 1e9, backbone);
    const TrainingData data(options, Sources(options), cache, true);
    const std::pair<const char*, const char*> methods[] = { { "pmnc", "entropy" }, { "ncnet", "entropy" }, { "ncnet", "weak" },
                                                            { "ancnet", "ancnet" } };
    for (const auto& method : methods)
    {
        options.method = method.first;
        options.loss = method.second;
        options.net = options.method == "ancnet" ? "C" : "3-3";
        options.residual = options.method == "pmnc" ? 10 : 0;
        torch::manual_seed(3);
        Model model(options, data.meanFeature(backbone), backbone.copyBlocks());
        const std::vector<Tensor> whole = gradients(model, data, options, 0, 5);
        const std::vector<Tensor> part1 = gradients(model, data, options, 0, 2), part2 = gradients(model, data, options, 2, 3);
        double largest = 0, difference = 0;
        for (size_t i = 0; i < whole.size(); i++)
        {
            largest = std::max(largest, whole[i].abs().max().item<double>());
            difference = std::max(difference, maxDifference(whole[i], part1[i] + part2[i]));
        }
        expectAtMost(difference / largest, 1e-5, std::string(method.first) + " " + method.second + ": difference of gradients");
    }
}

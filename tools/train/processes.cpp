// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "processes.hpp"

#include <cstdlib>

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "opencv2/semcorr/evaluation.hpp"
#include "utf8.hpp"

using cv::semcorr::printable;
using torch::Tensor;

namespace train {

static const std::chrono::hours LONG_PATIENCE(24);  // features and validation take their time

static std::string variable(const char* name)
{
    const char* const value = std::getenv(name);
    return value ? value : "";
}

static int numberIn(const char* name, int low, int high)
{
    const std::string text = variable(name);
    char* end = nullptr;
    const long value = std::strtol(text.c_str(), &end, 10);
    if (text.empty() || *end || value < low || value > high)
        CV_Error(cv::Error::StsBadArg, cv::format("%s=%s in the environment: expected a whole number in [%d, %d], as torchrun sets "
                                                  "it", name, printable(text).c_str(), low, high));
    return (int)value;
}

Place Place::fromEnvironment()
{
    enum { MOST = 4096 };
    Place place;
    if (variable("RANK").empty() && variable("WORLD_SIZE").empty())
        return place;
    place.size = numberIn("WORLD_SIZE", 1, MOST);
    place.rank = numberIn("RANK", 0, place.size - 1);
    if (!variable("LOCAL_WORLD_SIZE").empty())
        place.localSize = numberIn("LOCAL_WORLD_SIZE", 1, place.size);
    if (!variable("LOCAL_RANK").empty())
        place.localRank = numberIn("LOCAL_RANK", 0, place.size - 1);
    if (place.size == 1)
        return place;
    place.host = variable("MASTER_ADDR");
    if (place.host.empty())
        CV_Error(cv::Error::StsBadArg, "WORLD_SIZE without MASTER_ADDR in the environment: expected the host of process 0, as "
                                       "torchrun sets it");
    place.port = numberIn("MASTER_PORT", 1, 65535);
    place.served = variable("TORCHELASTIC_USE_AGENT_STORE") == "True";
    place.prefix = "semcorr_train/" + variable("TORCHELASTIC_RESTART_COUNT");  // torchrun's store outlives its processes
    return place;
}

cv::Range Place::share(int count) const
{
    const auto begin = [&](int number) { return (int)((int64_t)count * number / size); };
    return cv::Range(begin(rank), begin(rank + 1));
}

struct Processes::Group
{
    c10::intrusive_ptr<c10d::Store> store;
    c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;

    void sum(const Tensor& tensor, std::chrono::milliseconds patience);
};

static std::string reason(const std::exception& e)
{
    const c10::Error* const error = dynamic_cast<const c10::Error*>(&e);
    return printable(error ? error->what_without_backtrace() : e.what());
}

void Processes::Group::sum(const Tensor& tensor, std::chrono::milliseconds patience)
{
    std::vector<Tensor> tensors(1, tensor);
    c10d::AllreduceOptions options;
    options.timeout = patience;
    try
    {
        gloo->allreduce(tensors, options)->wait();
    }
    catch (const std::exception& e)
    {
        CV_Error(cv::Error::StsError, "another process has ended or does not answer (" + reason(e) + "); its own message may tell "
                                      "why, the last checkpoint is kept");
    }
}

Processes::Processes(const Place& place_, std::chrono::milliseconds patience_) : place(place_), patience(patience_)
{
    if (place.size == 1)
        return;
    c10d::TCPStoreOptions options;
    options.port = (std::uint16_t)place.port;
    options.isServer = place.rank == 0 && !place.served;
    options.waitWorkers = false;  // Gloo waits for them
    options.timeout = patience;
    group = std::make_shared<Group>();
    try
    {
        group->store = c10::make_intrusive<c10d::PrefixStore>(place.prefix,
                                                              c10::make_intrusive<c10d::TCPStore>(place.host, options));
        group->gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(group->store, place.rank, place.size,
                                                                  c10d::ProcessGroupGloo::Options::create_default(patience));
    }
    catch (const std::exception& e)
    {
        CV_Error(cv::Error::StsError, cv::format("process %d of %d does not reach the others by %s:%d (MASTER_ADDR, MASTER_PORT): ",
                                                 place.rank, place.size, printable(place.host).c_str(), place.port) + reason(e));
    }
}

void Processes::sum(const std::vector<Tensor>& tensors) const
{
    if (!group)
        return;
    torch::NoGradGuard guard;
    std::vector<Tensor> flat;
    for (const Tensor& t : tensors)
        flat.push_back(t.flatten());
    const Tensor all = torch::cat(flat).to(torch::kCPU);
    group->sum(all, patience);
    const Tensor sums = all.to(tensors[0].device());
    int64_t at = 0;
    for (const Tensor& t : tensors)
    {
        t.copy_(sums.narrow(0, at, t.numel()).view(t.sizes()));
        at += t.numel();
    }
}

void Processes::wait() const
{
    if (group)
        group->sum(torch::zeros({ 1 }), LONG_PATIENCE);
}

void Processes::checkSame(const std::string& text, const std::string& what) const
{
    const int64_t own = std::stoll(cv::semcorr::sha256(text.data(), text.size()).substr(0, 15), nullptr, 16);
    Tensor all = torch::zeros({ place.size }, torch::kLong);
    all[place.rank] = own;
    sum({ all });
    for (int i = 0; i < place.size; i++)
        if (all[i].item<int64_t>() != all[0].item<int64_t>())
            CV_Error(cv::Error::StsBadArg, cv::format("process %d has not the same %s as process 0, expected the same in all", i,
                                                      what.c_str()));
}

}

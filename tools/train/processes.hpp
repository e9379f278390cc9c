// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_PROCESSES_HPP
#define SEMCORR_TRAIN_PROCESSES_HPP

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <torch/torch.h>

#include "opencv2/core.hpp"

namespace train {

// Which of the processes that train together this one is, and where they meet
struct Place
{
    int rank = 0, size = 1;
    int localRank = 0, localSize = 1;  // among those on this machine
    std::string host, prefix;          // prefix: of all keys in the store there
    int port = 0;
    bool served = false;               // whether the store runs already; else process 0 runs it

    // From RANK, WORLD_SIZE, MASTER_ADDR and so on, as torchrun sets them; without these it is one process alone. Throws naming
    // the variable that is wrong.
    static Place fromEnvironment();

    // This process's part of 0...count-1; parts differ in size by one at most
    cv::Range share(int count) const;
};

// The processes that train together. Every one has to call the same functions in the same order. They throw where another
// process has ended, at once, or does not answer.
class Processes
{
public:
    // Waits until all are there. patience: for their start and for sums
    explicit Processes(const Place& place = Place(), std::chrono::milliseconds patience = std::chrono::minutes(5));

    const Place place;

    // The first one validates, prints and writes files.
    bool isFirst() const { return place.rank == 0; }

    // Adds up each tensor over all processes, in place, with the same bits in each. All of one type on one device; one message
    void sum(const std::vector<torch::Tensor>& tensors) const;

    // Until all have come here, for a day if need be
    void wait() const;

    // Throws in all of them where one has another text. what: for the message
    void checkSame(const std::string& text, const std::string& what) const;

private:
    struct Group;
    const std::chrono::milliseconds patience;
    std::shared_ptr<Group> group;  // none where this process is alone
};

}

#endif

// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_TRAINER_HPP
#define SEMCORR_TRAIN_TRAINER_HPP

#include <memory>

#include "checkpoint.hpp"
#include "progress.hpp"
#include "validation.hpp"

namespace train {

// The loop: batches, gradients, averaged weights, validation, checkpoints
class Trainer
{
public:
    // command: for the provenance
    Trainer(const Options& options, const Backbone& backbone, const TrainingData& data, const Validation& validation,
            const torch::Device& device, const std::string& command);

    // Trains to the last step, or until stop() was called by a signal. Returns whether it came to the last step.
    bool run();

    // May be called by a signal handler
    static void stop();

private:
    void resume();
    double takeStep();
    void average();
    void makeResult();
    void validate(Progress& progress);
    void keep();
    void writeCheckpoint();
    std::string file(const char* name) const;
    std::string provenance() const;

    const Options options;
    const Backbone& backbone;
    const TrainingData& data;
    const Validation& validation;
    const torch::Device device;
    const std::string command;
    std::vector<std::string> identity;
    std::unique_ptr<torch::optim::AdamW> optimizer;
    TrainingState state;
    Model result;  // what is validated and written: the averaged weights, with Options::adapterShare of the adapter
};

}

#endif

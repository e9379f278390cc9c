// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_TRAINER_HPP
#define SEMCORR_TRAIN_TRAINER_HPP

#include <memory>

#include "checkpoint.hpp"
#include "processes.hpp"
#include "progress.hpp"
#include "validation.hpp"

namespace train {

// The loop: batches, gradients, averaged weights, validation, checkpoints. Several processes share each batch and hold the same
// weights; the first one does the rest.
class Trainer
{
public:
    // command: for the provenance
    Trainer(const Options& options, const Backbone& backbone, const TrainingData& data, const Validation& validation,
            const torch::Device& device, const Processes& processes, const std::string& command);

    // Throws where the nets that the options ask for cannot be made, or begin with the weights that they name.
    static void check(const Options& options, const Backbone& backbone);

    // Trains to the last step, or until stop() was called by a signal in any process. Returns whether it came to the last step.
    bool run();

    // May be called by a signal handler
    static void stop();

private:
    void createModels();
    void resume();
    void checkSame() const;
    double takeStep();
    void average();
    void makeResult();
    void record(Progress& progress, bool validating);
    bool validate(Progress& progress);
    void keep();
    void writeCheckpoint();
    std::string file(const char* name) const;
    std::string provenance() const;

    const Options options;
    const Backbone& backbone;
    const TrainingData& data;
    const Validation& validation;
    const torch::Device device;
    const Processes& processes;
    const std::string command, fingerprint;  // of the data
    std::vector<std::string> identity;
    Start start;   // of --start-from; empty without
    std::unique_ptr<torch::optim::AdamW> optimizer;
    TrainingState state;
    Model result;  // what is validated and written: the averaged weights, with Options::adapterShare of the adapter
    bool hasModel;  // whether the model in the folder is this run's
    bool leaving;  // whether a process was asked to stop, known to all
};

}

#endif

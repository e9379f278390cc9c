// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_CHECKPOINT_HPP
#define SEMCORR_TRAIN_CHECKPOINT_HPP

#include <string>
#include <vector>

#include "model.hpp"

namespace train {

// What happened so far
struct History
{
    std::vector<double> losses;              // of each step
    std::vector<int> validated;              // steps after which PCK was measured
    std::vector<std::vector<double> > pck;   // there, at each threshold
    double best = -1;                        // PCK@0.1 of the model kept
    int bestStep = 0;
    std::string modelSha256;                 // of its file
    double seconds = 0;                      // of training
};

// Everything that a run needs to go on: step, weights, averaged weights, the optimiser's state
struct TrainingState
{
    int step;                       // steps done
    Model model, averaged;
    torch::optim::AdamW* optimizer;
    History history;
};

// `identity`: lines that a run must share with the one that wrote the file, such as options that matter. provenance: of the weights.
// The file is made completely or not at all.
void saveCheckpoint(const std::string& file, const TrainingState& state, const std::vector<std::string>& identity,
                    const std::string& provenance);

// Throws for a missing or damaged file, one of another version, and where lines of its identity differ from these.
void checkCheckpoint(const std::string& file, const std::vector<std::string>& identity);

// Fills the state, whose nets must have the right shapes. Throws as checkCheckpoint.
void loadCheckpoint(const std::string& file, TrainingState& state, const std::vector<std::string>& identity);

// Where the weights that a run begins with come from
struct Start
{
    std::string sha256;      // of the file
    std::string provenance;  // of the weights
};

// Gives the model the averaged weights of another run's checkpoint, whatever its data and options were; without the method's, those
// of its scoring net stay as they are, which may then be another one. So do blocks of the backbone that it did not train. Throws as
// loadCheckpoint, where the nets differ in a tensor's shape, naming it, and where `identityLine` is none of the file's.
Start loadStart(const std::string& file, Model& model, const std::string& identityLine, bool withMethod);

}

#endif

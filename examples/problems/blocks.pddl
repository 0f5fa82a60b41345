(define (domain blocks)
  (:requirements :strips)
  (:predicates (clear ?x) (on-table ?x) (arm-empty) (holding ?x) (on ?x ?y))
  (:action pick-up
    :parameters (?b)
    :precondition (and (clear ?b) (on-table ?b) (arm-empty))
    :effect (and (holding ?b) (not (clear ?b)) (not (on-table ?b)) (not (arm-empty))))
  (:action put-down
    :parameters (?b)
    :precondition (holding ?b)
    :effect (and (clear ?b) (on-table ?b) (arm-empty) (not (holding ?b))))
  (:action stack
    :parameters (?b ?under)
    :precondition (and (holding ?b) (clear ?under))
    :effect (and (on ?b ?under) (clear ?b) (arm-empty) (not (holding ?b)) (not (clear ?under))))
  (:action unstack
    :parameters (?b ?under)
    :precondition (and (on ?b ?under) (clear ?b) (arm-empty))
    :effect (and (holding ?b) (clear ?under) (not (on ?b ?under)) (not (clear ?b)) (not (arm-empty)))))
